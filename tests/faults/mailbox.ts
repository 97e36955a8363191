// The mail server that takes what we send: it counts what it took, by Message-ID and by what stands in it, and sometimes takes a mail and is gone before
// it says so. Written from RFC 5321, section 4; it shares no code with what it tests.
import { createServer, type AddressInfo, type Socket } from 'node:net';

export interface TakenMail {
  messageId: string;
  to: string;
  /** What stands below the head, in short. */
  text: string;
}
export interface Mailbox {
  port: number;
  /** In order; what came twice stands here twice. */
  mails: TakenMail[];
  /** The next mail is taken, and never answered. */
  cutNext(): void;
  close(): Promise<void>;
}

export async function openMailbox(): Promise<Mailbox> {
  const sockets = new Set<Socket>();
  const mails: TakenMail[] = [];
  let isCutting = false;
  const server = createServer((socket) => {
    sockets.add(socket);
    let waiting = '';
    let to = '';
    let isData = false;
    const say = (line: string) => void socket.write(`${line}\r\n`);
    socket.on('close', () => sockets.delete(socket)).on('error', () => {});
    socket.setEncoding('latin1').on('data', (chunk: Buffer) => {
      waiting += chunk.toString();
      for (;;) {
        const end = waiting.indexOf(isData ? '\r\n.\r\n' : '\r\n');
        if (end < 0) return;
        const text = waiting.slice(0, end);
        waiting = waiting.slice(end + (isData ? 5 : 2));
        if (isData) {
          isData = false;
          mails.push(taken(text, to));
          if (isCutting) {
            isCutting = false;
            return void socket.resetAndDestroy();
          }
          say('250 taken');
        } else if (/^data$/i.test(text)) {
          isData = true;
          say('354 go on');
        } else if (/^quit$/i.test(text)) {
          say('221 bye');
          return void socket.end();
        } else {
          to = /^rcpt to:<([^>]*)>/i.exec(text)?.[1] ?? to;
          say('250 yes');
        }
      }
    });
    say('220 mailbox');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    mails,
    cutNext: () => {
      isCutting = true;
    },
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

function taken(raw: string, to: string): TakenMail {
  const [head, ...body] = raw.split('\r\n\r\n');
  const messageId = /^message-id:\s*<([^>]+)>/im.exec(head!)?.[1];
  if (messageId === undefined) throw new Error(`A mail without a Message-ID: ${head}`);
  return { messageId, to, text: body.join('\r\n\r\n').trim() };
}

/** What a mail server says once a mail of ours was delivered (RFC 3464): a mail to `from`, about the one with that Message-ID. */
export const deliveryReport = ({ messageId, to }: TakenMail, from: string): string => [
  'From: Mail Delivery Subsystem <mailer-daemon@customers.example>', `To: ${from}`, 'Subject: Delivery Status Notification (Success)', `Message-ID: <report-${messageId}>`, 'Date: Thu, 05 Mar 2026 10:00:00 +0100',
  'Auto-Submitted: auto-replied', 'MIME-Version: 1.0', 'Content-Type: multipart/report; report-type=delivery-status; boundary="cut"', '',
  '--cut', 'Content-Type: text/plain', '', 'Your message was delivered.',
  '--cut', 'Content-Type: message/delivery-status', '', 'Reporting-MTA: dns; mx.customers.example', '', `Final-Recipient: rfc822; ${to}`, 'Action: delivered', 'Status: 2.0.0', '',
  '--cut', 'Content-Type: text/rfc822-headers', '', `From: ${from}`, `To: ${to}`, `Message-ID: <${messageId}>`, '', '--cut--', '',
].join('\r\n');
