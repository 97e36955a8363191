// What agents decide about addresses, by the API.
import { idOf } from '../graphql/entity.ts';
import { mutation } from '../graphql/mutation.ts';
import { uuidFrom } from '../workspaces/input.ts';
import { confirmClaim, rejectClaim } from './claims.ts';
import { Claim, Identity } from './fields.ts';
import { undoReplacement } from './replacing.ts';
import { setIdentityShared } from './shared-addresses.ts';

const claimInput = { claimId: { type: idOf('clm'), required: true, description: 'The claim.' } } as const;
const claimPayload = { claim: { type: () => Claim, description: 'The claim as it is now.' } };

mutation('confirmClaim', {
  description: 'The visitor is who he says. His identity, with its conversations, moves to the customer who has the address; when nobody has it, the address is added to ' +
    'his own customer. `rejectClaim` takes it back.',
  permission: 'customers:write',
  versioned: true,
  input: claimInput,
  payload: claimPayload,
  run: async (tx, { actor }, input) => {
    const claimId = uuidFrom('clm', input.claimId, 'claimId');
    await confirmClaim(tx, { workspaceId: actor.workspaceId, actor, claimId, expectedVersion: input.expectedVersion });
    return { claim: claimId };
  },
});

mutation('rejectClaim', {
  description: 'The visitor is not who he says. What a confirmation did is undone: identities return to the customer that they came from, an address that it added is given up.',
  permission: 'customers:write',
  versioned: true,
  input: claimInput,
  payload: claimPayload,
  run: async (tx, { actor }, input) => {
    const claimId = uuidFrom('clm', input.claimId, 'claimId');
    await rejectClaim(tx, { workspaceId: actor.workspaceId, actor, claimId, expectedVersion: input.expectedVersion });
    return { claim: claimId };
  },
});

mutation('setIdentityShared', {
  description: 'Says whether many people use an address. A shared one still routes messages, but links no other address and shows nobody who claims it.',
  permission: 'customers:write',
  input: {
    identityId: { type: idOf('idn'), required: true, description: 'The address; a customer\'s SELF stays as it is.' },
    isShared: { type: 'Boolean', required: true, description: 'Whether many people use it.' },
  },
  payload: { identity: { type: () => Identity, description: 'The address as it is now.' } },
  run: async (tx, { actor }, input) => {
    const identityId = uuidFrom('idn', input.identityId, 'identityId');
    await setIdentityShared(tx, actor, { identityId, isShared: input.isShared });
    return { identity: identityId };
  },
});

mutation('undoIdentityChange', {
  description: 'An address that was retired since its provider said that he has another one is his again. The other one is given up; when something came by it, it begins a customer of its own.',
  permission: 'customers:write',
  input: { identityId: { type: idOf('idn'), required: true, description: 'The retired address.' } },
  payload: { identity: { type: () => Identity, description: 'The address as it is now.' } },
  run: async (tx, { actor }, input) => {
    const identityId = uuidFrom('idn', input.identityId, 'identityId');
    await undoReplacement(tx, actor, { identityId });
    return { identity: identityId };
  },
});
