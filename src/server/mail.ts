// Mail that our own SMTP receiver takes: known mailboxes only, authenticated, stored, and only then accepted with 250.
import type { Budgets } from '../access/budget.ts';
import { contextHeaders } from '../channels/email/context.ts';
import type { Resolver } from '../channels/email/authenticate.ts';
import { authenticateApart } from '../channels/email/parse-pool.ts';
import { startMailReceiver, type MailReceiver } from '../channels/email/receiver.ts';
import { splitReplyAddress } from '../channels/email/reply-address.ts';
import { receiveDelivery, type DoorContext } from '../inbound/receive.ts';
import { inWorkspace } from '../platform/db.ts';

export interface MailDoor extends DoorContext {
  port: number;
  host: string;
  /** What the server calls itself; default its host. */
  name?: string;
  tls?: { cert: string; key: string };
  resolver: Resolver;
  arrived: () => void;
  budgets: Budgets;
  /** Told why a mail was answered with 451: nobody else would. */
  report: (message: string, error: unknown) => void;
}

interface Mailbox {
  workspaceId: string;
  accountId: string;
  endpointId: string;
}

/** Starts receiving mail for the mailboxes that are connected as EMAIL accounts. */
export function startMailDoor(door: MailDoor): Promise<MailReceiver> {
  const mailbox = async (recipient: string): Promise<Mailbox | null> => {
    const [found] = await door.app<Mailbox[]>`select workspace_id, account_id, endpoint_id from find_mailbox(${splitReplyAddress(recipient)?.mailbox ?? recipient})`;
    return found ?? null;
  };
  return startMailReceiver({
    port: door.port,
    host: door.host,
    name: door.name,
    tls: door.tls,
    report: door.report,
    accepts: async (recipient) => (await mailbox(recipient)) !== null,
    deliver: async (raw, envelope) => {
      for (const recipient of envelope.to) {
        const found = await mailbox(recipient);
        if (!found) continue;
        door.budgets.deliver(found.endpointId);
        const [account] = await inWorkspace(door.app, found.workspaceId, (tx) => tx<{ settings: { authservId?: string | null } }[]>`
          select settings from channel_accounts where workspace_id = ${found.workspaceId} and id = ${found.accountId}`);
        const authservId = account?.settings.authservId ?? null;
        // A mailbox behind somebody else's server trusts that server's word; one that is ours alone is verified here.
        const authenticated = authservId ? null : await authenticateApart(raw, {
          resolver: door.resolver, remoteAddress: envelope.remoteAddress, helo: envelope.helo ?? null, mailFrom: envelope.from, receiver: door.name ?? door.host,
        });
        await receiveDelivery(door, { workspaceId: found.workspaceId, id: found.endpointId, provider: 'mime' }, {
          source: 'SMTP',
          receivedAt: envelope.receivedAt,
          request: {
            method: 'SMTP', url: '', body: raw,
            headers: contextHeaders({ envelopeFrom: envelope.from, envelopeTo: recipient, receivedAt: envelope.receivedAt, authservId, dmarcDomain: authenticated?.domain ?? null }),
          },
        });
      }
      door.arrived();
    },
  });
}
