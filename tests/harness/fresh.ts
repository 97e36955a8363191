// Before every file: what a process remembers is as at its start, since files share one (vitest.config.ts, `together`).
import { knowMailReceiver } from '../../src/channels/email/ways.ts';
import { setClock } from '../../src/platform/clock.ts';

setClock(() => Date.now())();
knowMailReceiver(null);
