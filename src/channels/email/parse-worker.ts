// The thread that large mails are read in (parse-pool.ts). It asks nobody but the thread that started it: also DNS is asked there.
import { constants, setPriority } from 'node:os';
import { parentPort, type MessagePort } from 'node:worker_threads';
import { Unparsable } from '../channel.ts';
import { authenticateMail, type Resolver } from './authenticate.ts';
import type { FromWorker, ToWorker } from './parse-pool.ts';
import { PARSERS } from './parsers.ts';

// Who is answered now goes before who mailed: on Linux 0 is this thread alone, elsewhere it is the whole process, which must not step back.
if (process.platform === 'linux') setPriority(0, constants.priority.PRIORITY_BELOW_NORMAL);

const port: MessagePort = parentPort!;
const say = (message: FromWorker, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);

/** Questions of DNS that have no answer yet. */
const asked = new Map<number, (answer: Extract<ToWorker, { kind: 'resolved' }>) => void>();
let questions = 0;

const resolver = ((name: string, type: string) =>
  new Promise((resolve, reject) => {
    asked.set(++questions, ({ records, fault }) => (fault ? reject(Object.assign(new Error(fault.message), { code: fault.code })) : resolve(records as string[])));
    say({ kind: 'resolve', question: questions, name, type });
  })) as Resolver;

port.on('message', (message: ToWorker) => {
  if (message.kind === 'resolved') {
    asked.get(message.question)?.(message);
    asked.delete(message.question);
    return;
  }
  work(message).catch((error: unknown) =>
    say({ kind: 'failed', unparsable: error instanceof Unparsable, message: error instanceof Error ? error.message : String(error), stack: (error instanceof Error && error.stack) || '' }));
});

async function work(job: Exclude<ToWorker, { kind: 'resolved' }>): Promise<void> {
  if (job.kind === 'authenticate') return say({ kind: 'done', result: await authenticateMail(bufferOf(job.raw), { ...job.o, resolver }) });
  const { events, files } = await PARSERS[job.carrier]({ ...job.request, body: bufferOf(job.request.body) });
  // Each with memory of its own, which is handed over instead of being copied again.
  const owned = files.map((file) => ({ ...file, content: new Uint8Array(file.content) }));
  say({ kind: 'done', result: { events, files: owned } }, owned.map(({ content }) => content.buffer));
}

const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
