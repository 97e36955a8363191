// Every bench, in the order in which they run.
import type { Bench } from '../bench.ts';
import { reads } from './reads.ts';

export const BENCHES: readonly Bench[] = [reads];
