// Is a mail's From really its sender's? Attested when DMARC aligns (RFC 7489, 3.1), by our own verifier or by the word of a server that
// the account trusts.
import { authenticate, type DNSResolver } from 'mailauth';
import { mailboxAddress } from './addresses.ts';
import type { Mail } from './mime.ts';

/** Looks DNS records up, as `dns.promises.resolve`. Tests inject one; nothing else is asked. */
export type Resolver = DNSResolver;

export interface Authentication {
  trust: 'attested' | 'claimed';
  /** The From domain for which DMARC aligned: what `x-dmarc-domain` carries to `parse`. Null when claimed. */
  domain: string | null;
  /** One sentence for `trace`. */
  reason: string;
}

/**
 * Verifies DKIM, SPF and DMARC of a mail that our SMTP receiver took. Never throws: a DNS that doesn't answer leaves the sender claimed.
 * A DKIM signature over a part of the body only (`l=`) attests nothing.
 */
export async function authenticateMail(
  raw: Buffer,
  o: { resolver: Resolver; remoteAddress: string; helo: string | null; mailFrom: string; receiver: string },
): Promise<Authentication> {
  try {
    const { dmarc, dkim } = await authenticate(raw, {
      ip: o.remoteAddress.replace(/^::ffff:/i, ''), helo: o.helo ?? undefined, sender: o.mailFrom, mta: o.receiver,
      resolver: o.resolver, disableArc: true, disableBimi: true,
    });
    if (!dmarc) return claimed('no DMARC record, or no single From');
    if (dkim.headerFrom.length !== 1) return claimed('not exactly one From');
    if (dmarc.status.result !== 'pass') return claimed(`DMARC ${dmarc.status.result}`);
    const bySpf = Boolean(dmarc.alignment.spf.result);
    if (!bySpf && dmarc.alignment.dkim.underSized) return claimed('the aligned DKIM signature leaves a part of the body out');
    const domain = domainOf(dkim.headerFrom[0]!);
    return domain === null ? claimed('From holds no domain') : { trust: 'attested', domain, reason: `DMARC pass for ${domain} by ${bySpf ? 'SPF' : 'DKIM'}` };
  } catch (error) {
    return claimed(`not verified: ${error instanceof Error ? error.message : String(error)}`);
  }
}

const claimed = (reason: string): Authentication => ({ trust: 'claimed', domain: null, reason });

/**
 * The From address when it is attested, else null: by our verifier's domain (`dmarcDomain`), or by `Authentication-Results` of
 * `authservId`.
 * Of those, only the topmost header with that id counts: a server writes above what it received, so anything below it may be the
 * sender's own
 * invention. (That the server removes forged ones with its own id where it writes none is what RFC 8601, 5 demands of it.)
 */
export function attestedFrom(mail: Mail, o: { dmarcDomain: string | null; authservId: string | null }): string | null {
  if (mail.all('from').length !== 1) return null;
  const boxes = mail.mailboxes('from');
  const address = boxes.length === 1 ? mailboxAddress(boxes[0]!.address) : null;
  if (address === null) return null;
  const domain = domainOf(address);
  if (domain !== null && o.dmarcDomain !== null && domainOf(`x@${o.dmarcDomain}`) === domain) return address;
  if (domain === null || o.authservId === null) return null;
  for (const value of mail.all('authentication-results')) {
    const results = authenticationResults(value);
    if (results?.authservId !== o.authservId) continue;
    const dmarc = results.methods.filter((method) => method.name === 'dmarc');
    const pass = dmarc.length === 1 && dmarc[0]!.result === 'pass' && domainOf(`x@${dmarc[0]!.properties['header.from'] ?? ''}`) === domain;
    return pass ? address : null;
  }
  return null;
}

export interface MethodResult {
  name: string;
  result: string;
  properties: Record<string, string>;
}

/** An `Authentication-Results` value (RFC 8601, 2.2), comments dropped, everything in lower case; null when it is none. */
export function authenticationResults(value: string): { authservId: string; methods: MethodResult[] } | null {
  const [head, ...statements] = fields(value.slice(0, 20_000));
  const authservId = head?.trim().split(/\s+/)[0]?.toLowerCase();
  if (!authservId) return null;
  const methods: MethodResult[] = [];
  for (const statement of statements) {
    const words = statement.replace(/(?<!\s)\s*=\s*/g, '=').trim().toLowerCase().split(/\s+/);
    const found = /^([a-z0-9-]+)(?:\/\d+)?=([a-z]+)$/.exec(words[0] ?? '');
    if (!found) continue;
    const properties: Record<string, string> = {};
    for (const word of words.slice(1)) {
      const at = word.indexOf('=');
      if (at > 0) properties[word.slice(0, at)] ??= word.slice(at + 1);
    }
    methods.push({ name: found[1]!, result: found[2]!, properties });
  }
  return { authservId, methods };
}

/** Splits at semicolons outside of comments (which nest) and quoted strings; drops comments and quotation marks. */
function fields(value: string): string[] {
  const parts = [''];
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < value.length; i++) {
    const character = value[i]!;
    if (character === '\\' && (quoted || depth > 0)) {
      i++;
      if (quoted && depth === 0) parts[parts.length - 1] += value[i] ?? '';
    } else if (character === '"' && depth === 0) quoted = !quoted;
    else if (character === '(' && !quoted) depth++;
    else if (character === ')' && !quoted && depth > 0) {
      depth--;
      parts[parts.length - 1] += ' ';
    } else if (character === ';' && !quoted && depth === 0) parts.push('');
    else if (depth === 0) parts[parts.length - 1] += character;
  }
  return parts;
}

const domainOf = (address: string): string | null => {
  const normal = mailboxAddress(address);
  return normal === null ? null : normal.slice(normal.lastIndexOf('@') + 1);
};
