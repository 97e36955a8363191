// How a mailbox's mail comes in and goes out.
import type { EmailSecrets, EmailSettings } from './send.ts';

let receives: boolean | null = null;

/** Call at start: whether our own SMTP receiver runs (SMTP_PORT). Null, as before that (a command, a test of an action): nobody knows, and no mailbox is refused. */
export function knowMailReceiver(runs: boolean | null): void {
  receives = runs;
}

/** What keeps a mailbox from ever taking in or sending a mail, and what to do about it; null when there is a way. */
export function withoutAnyWay(settings: EmailSettings, secrets: EmailSecrets): string | null {
  if (secrets.inbound !== undefined || settings.host !== undefined || receives !== false) return null;
  return 'No mail could come in by this mailbox or go out. For a way in, give `secrets.inbound` and let your mail server post raw mail to `webhookUrl`, '
    + 'or start the server with SMTP_PORT and forward the mailbox to it; for a way out, give `settings.host`, your SMTP server.';
}
