// Every bench, in the order in which they run.
import type { Bench } from '../bench.ts';
import { attacks } from './attacks.ts';
import { compiled } from './compiled.ts';
import { ingest } from './ingest.ts';
import { fanout } from './fanout.ts';
import { growth, manyIdentities } from './growth.ts';
import { overload } from './overload.ts';
import { reads } from './reads.ts';
import { references } from './references.ts';
import { webhooks } from './webhooks.ts';
import { writes } from './writes.ts';

export const BENCHES: readonly Bench[] = [references, reads, manyIdentities, growth, compiled, writes, ingest, webhooks, fanout, overload, attacks];
