// G14: HTML of strangers, through the mail door and out by the API: whatever was sent, what `MessagePart.html` gives runs nothing, loads nothing and
// leads nowhere unasked. It is held against a grammar so narrow that no two parsers can read it differently. (A real browser: html-browser.test.ts.)
import { afterAll, beforeAll, expect, test } from 'vitest';
import { publicId } from '../../src/platform/ids.ts';
import { startTestServer, type TestServer, type TestWorkspace } from '../harness/server.ts';
import { PAYLOADS } from './html-payloads.ts';
import { quiet } from './world.ts';

const SECRET = 'the-secret-of-the-mail-door';
let server: TestServer;
let ws: TestWorkspace;
let hook: string;
beforeAll(async () => {
  server = await startTestServer();
  ws = await server.workspace();
  const { endpointId } = await ws.connect({ channel: 'EMAIL', provider: 'mime', name: 'Mail', address: 'support@acme.example', settings: { host: '127.0.0.1', port: 9, secure: 'none' }, secrets: { inbound: SECRET } });
  hook = `${server.address}/hooks/mime/${publicId('end', endpointId)}`;
});
afterAll(() => server.stop());

const TAGS = /^(?:a|abbr|address|b|bdi|bdo|blockquote|br|caption|center|cite|code|col|colgroup|dd|del|dfn|div|dl|dt|em|font|figcaption|figure|h[1-6]|hr|i|img|ins|kbd|li|mark|ol|p|pre|q|s|samp|section|article|header|footer|main|nav|aside|small|span|strike|strong|sub|sup|table|tbody|td|tfoot|th|thead|time|tr|tt|u|ul|var|wbr|big|details|summary|rt|rp|ruby|data|hgroup)$/;
const ATTRIBUTES = /^(?:style|dir|lang|title|align|valign|width|height|bgcolor|color|href|target|rel|name|src|alt|data-remote-src|border|face|size|cellpadding|cellspacing|summary|colspan|rowspan|nowrap|scope|start|type|datetime|cite)$/;

/** What is wrong with the HTML: anything beyond text, and tags with quoted attributes that were chosen one by one. */
function faults(html: string): string[] {
  const found: string[] = [];
  const rest = html.replace(/<(\/?)([a-z][a-z0-9]*)((?: [a-z][a-z-]*(?:="[^"<>]*")?)*)( ?\/)?>/g, (_tag, _end: string, name: string, attributes: string) => {
    if (!TAGS.test(name)) found.push(`<${name}>`);
    for (const [, key, value = ''] of attributes.matchAll(/ ([a-z][a-z-]*)(?:="([^"<>]*)")?/g)) {
      const plain = decoded(value);
      if (!ATTRIBUTES.test(key!)) found.push(`${name} ${key}`);
      if (key === 'href' && !/^(?:https?:\/\/|mailto:|tel:|#)/i.test(plain)) found.push(`${name} href=${plain.slice(0, 80)}`);
      if (key === 'src' && !/^(?:cid:|data:image\/(?:png|jpe?g|gif|webp);base64,[A-Za-z0-9+/=]*$)/i.test(plain)) found.push(`${name} src=${plain.slice(0, 80)}`);
      if (key === 'data-remote-src' && !/^https?:\/\//i.test(plain)) found.push(`${name} data-remote-src=${plain.slice(0, 80)}`);
      if (key === 'style' && /[\\{}<>@]|url|expression|image|binding|behavior|import|position|script|var\(|content|cursor/i.test(plain)) found.push(`${name} style=${plain.slice(0, 80)}`);
      if (key === 'target' && plain !== '_blank') found.push(`${name} target=${plain}`);
    }
    if (name === 'a' && / href=/.test(attributes) && !/ rel="[^"]*noopener[^"]*"/.test(attributes)) found.push('a without noopener');
    return '';
  });
  if (/[<>]/.test(rest.replace(/>/g, ''))) found.push(`markup that is none: ${rest.slice(Math.max(0, rest.indexOf('<') - 20), rest.indexOf('<') + 60)}`);
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/.test(html)) found.push('control characters');
  return found;
}
const NAMED: Record<string, string> = { quot: '"', amp: '&', lt: '<', gt: '>', apos: "'", colon: ':', Tab: '\t', NewLine: '\n', equals: '=' };
const decoded = (value: string): string => value.replace(/&(?:#x([0-9a-f]+)|#(\d+)|([a-z]+));?/gi, (all, hex?: string, number?: string, name?: string) => (name ? (NAMED[name] ?? all) : String.fromCodePoint(Math.min(0x10ffff, parseInt(hex ?? number!, hex ? 16 : 10)))));

type Encoding = [name: string, headers: string, body: (html: string) => Buffer];
const ENCODINGS: Encoding[] = [
  ['as it is', 'Content-Type: text/html; charset=utf-8', (html) => Buffer.from(html)],
  ['in base64', 'Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64', (html) => Buffer.from(Buffer.from(html).toString('base64').replace(/(.{76})/g, '$1\r\n'))],
  ['in quoted-printable', 'Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable', (html) => Buffer.from([...Buffer.from(html)].map((byte) => `=${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('').replace(/((?:=..){24})/g, '$1=\r\n'))],
  ['in UTF-16', 'Content-Type: text/html; charset=utf-16le\r\nContent-Transfer-Encoding: base64', (html) => Buffer.from(Buffer.from(html, 'utf16le').toString('base64').replace(/(.{76})/g, '$1\r\n'))],
  ['in a character set that nobody knows', 'Content-Type: text/html; charset=x-nobody', (html) => Buffer.from(html)],
  ['beside a text', 'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=zz', (html) => Buffer.from(`--zz\r\nContent-Type: text/plain\r\n\r\nplain\r\n--zz\r\nContent-Type: text/html; charset=utf-8\r\n\r\n${html}\r\n--zz--\r\n`)],
];

test(`${PAYLOADS.length} payloads, in ${ENCODINGS.length} encodings, come out harmless`, { timeout: 60_000 }, async () => {
  // In small each in one of them, in its turn.
  const sent = PAYLOADS.flatMap((payload, index) => (process.env.VERIFY ? ENCODINGS : [ENCODINGS[index % ENCODINGS.length]!]).map((encoding) => ({ payload, encoding })));
  const post = async ({ payload, encoding: [, headers, body] }: (typeof sent)[number], index: number) => {
    const head = `From: ada${index % 40}@customers.example\r\nTo: support@acme.example\r\nSubject: ${index}\r\nMessage-ID: <${index}@customers.example>\r\n${headers}\r\n\r\n`;
    const answer = await fetch(hook, { method: 'POST', headers: { authorization: `Bearer ${SECRET}`, 'content-type': 'message/rfc822' }, body: Buffer.concat([Buffer.from(head), body(`<p>before</p>${payload}<p>after</p>`)]) });
    expect(answer.status, `${payload} ${await answer.text()}`).toBe(202);
  };
  for (let from = 0; from < sent.length; from += 8) await Promise.all(sent.slice(from, from + 8).map((one, index) => post(one, from + index)));
  await quiet(server, 40_000);

  const wrong: string[] = [];
  let seen = 0;
  let withHtml = 0;
  for (let after: string | null = null, more = true; more; ) {
    const { data } = await server.query('query ($after: String) { conversations(first: 10, after: $after) { pageInfo { hasNextPage endCursor } nodes { messages(first: 50) { nodes { subject parts { html } } } } } }', { after }, ws.keys.ADMIN);
    for (const { subject, parts } of data.conversations.nodes.flatMap((one: any) => one.messages.nodes)) {
      const { payload, encoding } = sent[Number(subject)]!;
      const html: string | null = parts.find((part: any) => part.html !== null)?.html ?? null;
      seen++;
      if (html === null) continue;
      withHtml++;
      for (const fault of faults(html)) wrong.push(`${payload.slice(0, 120)} (${encoding[0]}): ${fault} in ${html.slice(0, 200)}`);
    }
    more = data.conversations.pageInfo.hasNextPage;
    after = data.conversations.pageInfo.endCursor;
  }
  expect(wrong).toEqual([]);
  expect(seen).toBe(sent.length);
  // What was harmless is still there.
  expect(withHtml).toBeGreaterThan(sent.length * 0.9);
});

test('what an agent writes as HTML is made as harmless before anybody sees it', async () => {
  const ada = await server.ask('mutation { upsertCustomer(input: { identity: { kind: EMAIL, value: "agent.test@customers.example" } }) { customer { id } userErrors { message } } }', null, ws.keys.ADMIN);
  for (const payload of PAYLOADS.filter((_one, index) => index % 4 === 0)) {
    const { startConversation } = await server.ask('mutation ($i: StartConversationInput!) { startConversation(input: $i) { message { parts { html } } userErrors { message } } }',
      // eslint-disable-next-line no-control-regex
      { i: { customerId: ada.upsertCustomer.customer.id, channel: 'EMAIL', text: 'Hello', html: `<p>before</p>${payload}`.replace(/\u0000/g, '') } }, ws.member.token);
    for (const { html } of startConversation.message.parts) expect(faults(html ?? ''), payload.slice(0, 200)).toEqual([]);
  }
});

test('the check itself sees what is wrong', () => {
  const harmless = '<p style="color:red">x &lt;y&gt; <a href="https://x.example/?a=1&amp;b=2" target="_blank" rel="noopener noreferrer">x</a><br /><img alt="a" data-remote-src="https://x.example/p.gif" /></p>';
  expect(faults(harmless)).toEqual([]);
  expect(PAYLOADS.filter((payload) => !/^(?:&|\\u|＜|%3C|<p style="font-family)/.test(payload) && faults(payload).length === 0)).toEqual([]);
});
