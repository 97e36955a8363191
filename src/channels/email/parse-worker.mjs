// How the thread of parse-worker.ts begins: tsx reads TypeScript in it too, however the process itself was started (--import tsx, the command, the
// test runner): node hands no thread the loaders of another.
import { register } from 'tsx/esm/api';

register();
await import('./parse-worker.ts');
