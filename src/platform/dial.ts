// How postgres.js gets its connections: made here, so that whoever watches them (silence.ts) sees what passes over them, under TLS too. The driver would
// wrap a connection in TLS by itself, and show it to nobody.
import { once } from 'node:events';
import { connect, isIP, Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import postgres from 'postgres';

/** The length of the message, and the number that asks for TLS: https://www.postgresql.org/docs/current/protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-SSLREQUEST */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);
const TLS_MS_MAX = 10_000;

/** What the driver reads out of an address; it is the one who knows its own spelling (`sslmode`, several hosts, a folder of sockets). */
interface Asked {
  host: string[];
  port: number[];
  path: string | false | undefined;
  ssl: boolean | string | object;
  sslnegotiation: string | null;
}

/** Options for `postgres(url, …)`. `opened` is given each connection before anything passed over it, and the options of who wants it. */
export function dial(url: string, opened: (stream: Socket, wantedBy: { onnotify?: unknown }) => void): object {
  // Connects to nothing: that would take a query.
  const { host, port, path, ssl, sslnegotiation } = postgres(url, { max: 1 }).options as unknown as Asked;
  let next = 0;
  return {
    ssl: false,
    // Never fails: the driver would lose the place of a connection whose making did (3.4.9, createSocket). What goes wrong is told by the socket.
    socket: (wantedBy: { onnotify?: unknown }): Socket | Promise<Socket> => {
      const at = next++ % port.length;
      const raw = path ? connect(path) : connect(port[at]!, host[at]!);
      if (!ssl) {
        opened(raw, wantedBy);
        return raw;
      }
      return secured(raw, host[at]!, { ssl, sslnegotiation }).then(
        (stream) => {
          opened(stream, wantedBy);
          return stream;
        },
        (error: Error) => {
          raw.on('error', () => {}).destroy();
          return broken(error);
        },
      );
    },
  };
}

/** As the driver does: "require" and weaker take any certificate, everything else wants one that can be verified. */
async function secured(raw: Socket, host: string, { ssl, sslnegotiation }: Pick<Asked, 'ssl' | 'sslnegotiation'>): Promise<Socket> {
  const signal = AbortSignal.timeout(TLS_MS_MAX);
  await once(raw, 'connect', { signal });
  const isDirect = sslnegotiation === 'direct';
  if (!isDirect) {
    raw.write(SSL_REQUEST);
    const [answer] = (await once(raw, 'data', { signal })) as [Buffer];
    if (answer.toString('latin1') !== 'S') {
      if (ssl === 'prefer') return raw;
      throw new Error('PostgreSQL does not speak TLS here, which its address asks for.');
    }
  }
  const secure = connectTls({
    socket: raw, ...(isIP(host) ? {} : { servername: host }), ...(isDirect ? { ALPNProtocols: ['postgresql'] } : {}),
    ...(typeof ssl === 'object' ? ssl : ssl === 'require' || ssl === 'allow' || ssl === 'prefer' ? { rejectUnauthorized: false } : {}),
  });
  await once(secure, 'secureConnect', { signal });
  return secure;
}

/** A socket that ends with the error once somebody listens to it. */
function broken(error: Error): Socket {
  const socket = new Socket();
  setImmediate(() => socket.destroy(error));
  return socket;
}
