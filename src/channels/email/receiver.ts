// Our own SMTP receiver: takes mail for the mailboxes that are ours, and answers 250 only when it is safely stored. Knows no database.
import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server';
import { now } from '../../platform/clock.ts';
import { joined } from '../../platform/large-bytes.ts';
import { Patience } from './patience.ts';

export interface Envelope {
  /** MAIL FROM; '' is the null sender of bounces. */
  from: string;
  /** The recipients that `accepts` took, at least one, in the order given. */
  to: string[];
  remoteAddress: string;
  /** What the client called itself in HELO or EHLO. */
  helo: string | null;
  /** When the last byte had come. */
  receivedAt: string;
}
export interface ReceiverOptions {
  /** 0: any free port. */
  port: number;
  host: string;
  /** Is there a mailbox of this address? False is answered 550; an error 451, so that the client tries again. */
  accepts(recipient: string): Promise<boolean>;
  /**
   * Stores the mail durably. 250 is sent after it resolved; when it throws, 451. Copies may come twice: a client that lost the answer
   * sends again.
   */
  deliver(raw: Buffer, envelope: Envelope): Promise<void>;
  /** Larger mail is answered 552. Default 50 MB: files of 35 MB. */
  bytesMax?: number;
  /** Connections at once; further ones are told to come again (421). Default 100. */
  clientsMax?: number;
  /** Of one address at once; further ones are told to come again (421). Default half of all. */
  clientsPerAddressMax?: number;
  /** Of silence, then a connection is closed. Default a minute. */
  idleMs?: number;
  /** For each step of a mail, however much is said meanwhile; then a connection is closed. Default two minutes. */
  stepMs?: number;
  /** At which a mail has to come, once its first step's time is used up. Default 2,000. */
  bytesPerSecondMin?: number;
  /** Certificate and key (PEM) offer STARTTLS; without them mail comes in the clear. */
  tls?: { cert: string; key: string };
  /** The name in the greeting. */
  name?: string;
  /** Told of what was answered with 451. */
  report?: (message: string, error: unknown) => void;
}
export interface MailReceiver {
  port: number;
  /** Takes no more connections, lets mails that are being stored be answered (at most 8 s), closes the rest with 421. */
  stop(): Promise<void>;
}

const BYTES_MAX = 50 * 1024 * 1024;
/** RFC 5321, 4.5.3.1.8: at least 100 must be taken. */
const RECIPIENTS_MAX = 100;
const CLIENTS_MAX = 100;
const IDLE_MS = 60_000;
const STEP_MS = 120_000;
const BYTES_PER_SECOND_MIN = 2_000;
const DRAIN_MS = 8_000;

/** Listens and resolves. @throws the listener's error, such as EADDRINUSE */
export async function startMailReceiver(options: ReceiverOptions): Promise<MailReceiver> {
  const bytesMax = options.bytesMax ?? BYTES_MAX;
  const clientsMax = options.clientsMax ?? CLIENTS_MAX;
  const busy = new Set<Promise<void>>();
  let stopping = false;

  const server = new SMTPServer({
    name: options.name ?? options.host,
    banner: 'Throughline',
    size: bytesMax,
    maxClients: clientsMax,
    socketTimeout: options.idleMs ?? IDLE_MS,
    closeTimeout: 100,
    disableReverseLookup: true,
    authOptional: true,
    disabledCommands: options.tls ? ['AUTH'] : ['AUTH', 'STARTTLS'],
    logger: false,
    ...options.tls,
    onConnect: (session, callback) => {
      if (stopping) return callback(smtpError(421, 'Closing for a restart, try again soon'));
      callback(patience.isCrowded(session) ? smtpError(421, 'Too many connections from your address, try again soon') : null);
    },
    onMailFrom: (_address, session, callback) => {
      patience.stepped(session);
      callback();
    },
    onRcptTo: ({ address }, session, callback) => {
      patience.stepped(session);
      if (session.envelope.rcptTo.length >= RECIPIENTS_MAX) return callback(smtpError(452, 'Too many recipients, send the others in another mail'));
      options.accepts(address).then(
        (known) => callback(known ? null : smtpError(550, `5.1.1 <${address}> is no mailbox here`)),
        (error: unknown) => {
          options.report?.('A recipient could not be looked up.', error);
          callback(smtpError(451, 'Cannot look the mailbox up now, try again later'));
        },
      );
    },
    onData: (stream, session, callback) => {
      patience.stepped(session);
      const work = receive(stream, session).finally(() => patience.ended(session)).then(
        () => callback(null, 'Stored'),
        (error: unknown) => callback(error instanceof SmtpError ? error : smtpError(451, 'Cannot store the mail now, try again later')),
      );
      busy.add(work);
      void work.finally(() => busy.delete(work));
    },
  });

  async function receive(stream: SMTPServerDataStream, session: SMTPServerSession): Promise<void> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    // Read to the end also what is too large: the answer may only follow the last byte.
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      patience.took(session, chunk.length);
      if (bytes <= bytesMax) chunks.push(chunk);
      else chunks.length = 0;
    }
    patience.rests(session);
    if (bytes > bytesMax || stream.sizeExceeded) throw smtpError(552, `5.3.4 The mail is larger than ${bytesMax} bytes`);
    const { mailFrom, rcptTo } = session.envelope;
    try {
      await options.deliver(await joined(chunks), {
        from: mailFrom ? mailFrom.address : '',
        to: rcptTo.map(({ address }) => address),
        remoteAddress: session.remoteAddress,
        helo: session.hostNameAppearsAs || null,
        receivedAt: now(),
      });
    } catch (error) {
      options.report?.('A mail could not be stored.', error);
      throw error;
    }
  }

  const patience = new Patience(server.server, {
    stepMs: options.stepMs ?? STEP_MS, bytesPerSecondMin: options.bytesPerSecondMin ?? BYTES_PER_SECOND_MIN, perAddressMax: options.clientsPerAddressMax ?? Math.ceil(clientsMax / 2),
  });
  // A client that breaks off is its own affair; without a listener it would end the process.
  server.on('error', (error: Error) => options.report?.('A mail client failed.', error));
  const port = await new Promise<number>((resolve, reject) => {
    server.server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.server.removeListener('error', reject);
      resolve((server.server.address() as AddressInfo).port);
    });
  });

  return {
    port,
    stop: async () => {
      stopping = true;
      patience.stop();
      // Stop listening first; the connections are closed when the mails under way have their answer.
      server.server.close(() => undefined);
      let timer: NodeJS.Timeout | undefined;
      await Promise.race([Promise.allSettled([...busy]), new Promise((resolve) => (timer = setTimeout(resolve, DRAIN_MS)))]);
      clearTimeout(timer);
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

class SmtpError extends Error {
  constructor(
    readonly responseCode: number,
    message: string,
  ) {
    super(message);
  }
}
const smtpError = (code: number, message: string): SmtpError => new SmtpError(code, message);
