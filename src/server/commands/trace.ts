// `throughline trace`: one message or call explained, from the door to the event.
import { parseArgs } from 'node:util';
import { renderTrace } from '../../desk/trace-text.ts';
import { trace } from '../../desk/trace.ts';
import { inWorkspace } from '../../platform/db.ts';
import { chosenWorkspace, UsageError, withDatabase, type Command } from './command.ts';

export const traceCommand: Command = {
  name: 'trace',
  usage: 'MSG_ID|PROVIDER_ID [--workspace NAME] [--json]',
  summary: 'Explain one message or call: door, signature, raw, parse, customer and why, conversation and why, events, routing, delivery.',
  run(args) {
    const { values, positionals } = parseArgs({ args, allowPositionals: true, options: { workspace: { type: 'string' }, json: { type: 'boolean' } } });
    const [reference] = positionals;
    if (!reference || positionals.length > 1) throw new UsageError('Name one: our id (msg_…, cal_…) or the provider’s (a Message-ID, a MessageSid, a CallSid).');
    return withDatabase(async (pools) => {
      const workspace = await chosenWorkspace(pools, values.workspace);
      const traces = await inWorkspace(pools.app, workspace.id, (tx) => trace(tx, workspace.id, reference));
      if (values.json) console.log(JSON.stringify(traces, null, 2));
      else if (traces.length > 0) console.log(traces.map(renderTrace).join('\n\n'));
      if (traces.length > 0) return 0;
      console.error(`${workspace.name} never heard of ${reference}.`);
      return 1;
    });
  },
};
