// One socket under graphql-ws. It takes the place of `graphql-ws/use/ws`, which writes every client's fault to the console with its stack, closes
// with a code that clients never retry when it is the database that is away, and lets one who reads nothing make us keep all of his answers.
import type { IncomingMessage } from 'node:http';
import type { Server as GraphqlWs } from 'graphql-ws';
import type { WebSocket } from 'ws';
import type { Logger } from '../platform/log.ts';

const BUFFERED_BYTES_MAX = 16 * 1024 * 1024;
/** RFC 6455, 5.5.1: a close frame has 125 bytes, two of them the code. */
const REASON_BYTES_MAX = 123;
/** Clients try again after it. */
export const OVERLOADED = 1013;

export interface SocketExtra {
  socket: WebSocket;
  request: IncomingMessage;
}

/** Lets `server` speak on the socket until it closes. Every `keepAliveMs` the other side must have answered a ping. */
export function carry<Extra extends SocketExtra>(server: GraphqlWs<Extra>, extra: Extra, o: { keepAliveMs: number; log: Logger }): void {
  const { socket } = extra;
  const close = (code = 1000, reason = '') => socket.close(code, Buffer.byteLength(reason) > REASON_BYTES_MAX ? '' : reason);
  // What the other side sent was no WebSocket: ws has closed it with the code for that.
  socket.on('error', (error: Error & { code?: string }) => o.log.debug({ code: error.code }, 'A socket was given what is no WebSocket.'));

  let answered = true;
  socket.on('pong', () => (answered = true));
  const alive = setInterval(() => {
    if (!answered) return socket.terminate();
    answered = false;
    socket.ping();
  }, o.keepAliveMs);

  const closed = server.opened(
    {
      protocol: socket.protocol,
      close,
      send: (text) =>
        new Promise<void>((resolve, reject) => {
          if (socket.readyState !== socket.OPEN) return resolve();
          socket.send(text, (error) => (error && socket.readyState === socket.OPEN ? reject(error) : resolve()));
        }),
      onMessage: (read) => {
        socket.on('message', (data, isBinary) => {
          if (isBinary) return close(1003, 'Text only');
          if (socket.bufferedAmount > BUFFERED_BYTES_MAX) return close(OVERLOADED, 'Read what was sent first');
          read(String(data)).catch((error: unknown) => {
            o.log.error({ err: error }, 'A message of a socket could not be answered.');
            close(OVERLOADED, 'Try again');
          });
        });
      },
    },
    extra,
  );
  socket.once('close', (code, reason) => {
    clearInterval(alive);
    closed(code, String(reason)).catch((error: unknown) => o.log.error({ err: error }, 'A socket could not be left in order.'));
  });
}
