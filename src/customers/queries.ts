// One customer, by our id or by an address: reads that are more than a declaration.
import type { Viewer } from '../access/viewer.ts';
import { equivalents } from '../identities/address.ts';
import { Refusal } from '../platform/errors.ts';
import { uuidFrom } from '../workspaces/input.ts';
import { addressOf } from './content.ts';

interface Which {
  shape: 'id' | 'identity';
  values: Record<string, { cast: string; value: unknown }>;
}

/** Whom the arguments of `Query.customer` name. Pure. @throws Refusal INVALID_INPUT, INVALID_ID, FORBIDDEN (an address, without the permission to see addresses) */
export function whichCustomer(args: { id?: string | null; identity?: { kind: string; namespace?: string | null; value: string } | null }, viewer: Pick<Viewer, 'permissions'>): Which {
  const isById = args.id != null;
  if (isById === (args.identity != null)) throw new Refusal('INVALID_INPUT', 'Give either `id` or `identity`.', { field: ['id'] });
  if (isById) return { shape: 'id', values: { id: { cast: 'uuid', value: uuidFrom('cus', args.id!, 'id') } } };
  if (!viewer.permissions.has('customers:contact')) {
    throw new Refusal('FORBIDDEN', 'To find a customer by an address, the permission customers:contact is needed.', { field: ['identity'] });
  }
  const { kind, namespace, value } = addressOf(args.identity!, ['identity']);
  const [, other = value] = equivalents(kind, value);
  const text = (given: string) => ({ cast: 'text', value: given });
  return { shape: 'identity', values: { kind: text(kind), namespace: text(namespace), value: text(value), other: text(other) } };
}

/** SQL of the customer whom `whichCustomer` names. Fenced (`offset 0`, `limit 1`): as a plain sub-select the key couldn't use the index under a policy. */
export function customerSql(shape: string, param: (name: string) => string, workspace: string): string {
  const which = shape === 'id'
    ? `select s.customer_id as k from customers o join identities s on s.workspace_id = ${workspace} and s.id = o.self_identity_id
       where o.workspace_id = ${workspace} and o.id = ${param('id')} offset 0`
    : `select i.customer_id as k from identities i
       where i.workspace_id = ${workspace} and i.kind = ${param('kind')} and i.namespace = ${param('namespace')}
         and i.value in (${param('value')}, ${param('other')}) and i.valid_to is null
       order by i.value = ${param('value')} desc limit 1`;
  return `select c.* from (${which}) found join customers c on c.workspace_id = ${workspace} and c.id = found.k`;
}
