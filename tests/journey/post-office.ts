// A mail server on loopback that takes whatever it is given, for looking at what we send: smtp-server on its own, none of our receiver.
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';

export interface Letter {
  from: string;
  to: string[];
  raw: string;
  /** By lower-case name, unfolded. */
  headers: Record<string, string>;
}
export interface PostOffice {
  port: number;
  /** The next letter that was not asked for yet. Rejects after 10 s. */
  next(): Promise<Letter>;
  close(): Promise<void>;
}

export async function postOffice(): Promise<PostOffice> {
  const letters: Letter[] = [];
  const waiting: ((letter: Letter) => void)[] = [];
  const server = new SMTPServer({
    authOptional: true, disabledCommands: ['STARTTLS'],
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const raw = Buffer.concat(chunks).toString('utf8');
        const { mailFrom, rcptTo } = session.envelope;
        const letter = { from: mailFrom ? mailFrom.address : '', to: rcptTo.map((to) => to.address), raw, headers: headersOf(raw) };
        const first = waiting.shift();
        if (first) first(letter);
        else letters.push(letter);
        done();
      });
    },
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.server.address() as AddressInfo).port,
    next: () =>
      new Promise((resolve, reject) => {
        const there = letters.shift();
        if (there) return resolve(there);
        const timer = setTimeout(() => reject(new Error('No mail came within 10 s.')), 10_000);
        waiting.push((letter) => {
          clearTimeout(timer);
          resolve(letter);
        });
      }),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

const headersOf = (raw: string): Record<string, string> =>
  Object.fromEntries(raw.split(/\r?\n\r?\n/)[0]!.replace(/\r?\n[ \t]+/g, ' ').split(/\r?\n/).map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  }));
