// `throughline keys`: API keys from the command line, for whoever operates the server.
import { parseArgs } from 'node:util';
import { API_ROLES } from '../../../schema/workspaces.ts';
import { systemActor } from '../../access/viewer.ts';
import { resealSecrets } from '../../channels/accounts.ts';
import { inWorkspace } from '../../platform/db.ts';
import { resealHashKey } from '../../platform/hash-key.ts';
import { publicId } from '../../platform/ids.ts';
import type { ApiRole } from '../../workspaces/actions.ts';
import { createApiKey, revokeApiKey } from '../../workspaces/keys.ts';
import { uuidFrom } from '../../workspaces/input.ts';
import type { Pools } from '../database.ts';
import { chosenWorkspace, UsageError, withDatabase, type Command } from './command.ts';

export const keysCommand: Command = {
  name: 'keys',
  usage: 'list | create --name NAME --role ADMIN|AGENT|INTEGRATOR|REPORTING | revoke KEY_ID  [--workspace NAME] | rotate-secret',
  summary: 'List, create and revoke API keys; seal secrets under a new SECRET_KEY. A key is shown once, when it is created.',
  run(args) {
    const { values, positionals } = parseArgs({
      args, allowPositionals: true, options: { workspace: { type: 'string' }, name: { type: 'string' }, role: { type: 'string' } },
    });
    return withDatabase(async (pools) => {
      if (positionals[0] === 'rotate-secret') return rotateSecret(pools);
      const workspace = await chosenWorkspace(pools, values.workspace);
      const actor = systemActor(workspace.id);
      switch (positionals[0]) {
        case 'list': {
          const keys = await inWorkspace(pools.app, workspace.id, (tx) => tx<{ id: string; name: string; role: string; hint: string; createdAt: string; revokedAt: string | null }[]>`
            select id, name, role, hint, created_at, revoked_at from api_keys where workspace_id = ${workspace.id} order by created_at, id`);
          for (const key of keys) console.log([publicId('key', key.id), key.role.padEnd(10), key.hint.padEnd(12), key.createdAt, key.revokedAt ? 'revoked' : 'active', key.name].join('  '));
          return 0;
        }
        case 'create': {
          const role = values.role?.toUpperCase();
          if (!values.name || !(API_ROLES as readonly string[]).includes(role ?? '')) throw new UsageError(`Give --name and --role (${API_ROLES.join(', ')}).`);
          const { key } = await inWorkspace(pools.app, workspace.id, (tx) => createApiKey(tx, actor, { name: values.name!, role: role as ApiRole }));
          console.log(key);
          console.error('Keep it now: only its hash is stored.');
          return 0;
        }
        case 'revoke': {
          const apiKeyId = uuidFrom('key', positionals[1] ?? '', 'KEY_ID');
          await inWorkspace(pools.app, workspace.id, (tx) => revokeApiKey(tx, actor, { apiKeyId }));
          console.log('Revoked; connections that use it end within 5 s.');
          return 0;
        }
        default:
          throw new UsageError('Say list, create, revoke or rotate-secret.');
      }
    });
  },
};

/** Everything that is sealed, in every workspace; what is sealed under the present key already is left alone, so it can be run again. */
async function rotateSecret(pools: Pools): Promise<number> {
  let sealed = (await resealHashKey(pools.system)) ? 1 : 0;
  const workspaces = await pools.system<{ id: string }[]>`select id from workspaces order by created_at, id`;
  for (const { id } of workspaces) sealed += await inWorkspace(pools.app, id, (tx) => resealSecrets(tx, id));
  console.log(`${sealed} sealed anew under SECRET_KEY.`);
  console.error('SECRET_KEY_PREVIOUS can go once no token that was signed under it is in use: after 12 hours for members, 30 days for visitors.');
  return 0;
}
