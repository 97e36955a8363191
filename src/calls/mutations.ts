// What agents do to calls, by the API.
import { idOf } from '../graphql/entity.ts';
import { mutation } from '../graphql/mutation.ts';
import { uuidFrom } from '../workspaces/input.ts';
import { setCallDisposition, WRAP_UP_LENGTH_MAX } from './disposition.ts';
import { Call, CallDisposition } from './fields.ts';

mutation('setCallDisposition', {
  description: 'Says how a call ended, where the provider was wrong or said nothing, and what came of it. What the team says stands before what the provider says, whenever that comes. What is left out stays as it is.',
  permission: 'conversations:write',
  versioned: true,
  input: {
    callId: { type: idOf('cal'), required: true, description: 'The call.' },
    disposition: { type: CallDisposition, description: 'How it ended; null takes the team\'s word back. A call that goes on has none.' },
    wrapUpCode: { type: 'String', description: `What came of it, in a word of the team's own, as \`callback-agreed\`; at most ${WRAP_UP_LENGTH_MAX} characters. Null takes it away.` },
  },
  payload: { call: { type: () => Call, description: 'The call as it is now.' } },
  run: async (tx, { actor }, input) => {
    const callId = uuidFrom('cal', input.callId, 'callId');
    await setCallDisposition(tx, actor, { callId, disposition: input.disposition, wrapUpCode: input.wrapUpCode, expectedVersion: input.expectedVersion });
    return { call: callId };
  },
});
