// One message brought in, as a program would that sends them singly.
import type { Actor } from '../../src/access/viewer.ts';
import type { Applied } from '../../src/inbound/apply.ts';
import { ingestMessages, type IngestMessage } from '../../src/inbound/ingest.ts';
import type { Tx } from '../../src/platform/db.ts';
import { Refusal } from '../../src/platform/errors.ts';

export async function ingestMessage(tx: Tx, actor: Actor, message: IngestMessage, mode: 'LIVE' | 'HISTORICAL'): Promise<Applied> {
  const [result] = await ingestMessages(tx, actor, [message], mode);
  if (result instanceof Refusal) throw result;
  return result!;
}
