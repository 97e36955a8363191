// How the thread of parse-worker.ts begins where the program is read from its sources (what bin/program.mjs makes of it has this name too): tsx reads
// TypeScript in it, as in the process (`npm run dev`, the test runner): node hands no thread the loaders of another.
import { register } from 'tsx/esm/api';

register();
await import('./parse-worker.ts');
