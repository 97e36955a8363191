// Recorded payloads beside the project, and what other projects read in them.
import { describe, expect, test } from 'vitest';
import { inboundEvent, Unparsable, type InboundEvent } from '../../../src/channels/channel.ts';
import { parseInstagram, parseMessenger } from '../../../src/channels/meta/messaging-parse.ts';
import { json, sharedFiles, type SharedFile } from '../requests.ts';

const FOLDERS = [
  { folder: 'messenger/meta', parse: parseMessenger, scheme: 'facebook' },
  { folder: 'instagram/meta', parse: parseInstagram, scheme: 'instagram' },
] as const;

/** What an oracle has otherwise than the payload, by its file, with the reason. */
const DISPUTED = new Map<string, string>();

/** An oracle in courier's form: the fields that state a fact about the payload. The others are of its server (answers, signatures). */
interface Expected {
  ExpectedMsgText?: string;
  ExpectedAttachments?: string[];
  ExpectedURN?: string;
  ExpectedExternalID?: string;
  ExpectedDate?: string;
  ExpectedStatuses?: { ExternalID: string; Status: { '@go': string } }[];
  ExpectedEvents?: { Type: { '@go': string }; URN: string; Time?: string; Extra?: Record<string, string> }[];
}
const STATES: Record<string, string> = { MsgStatusDelivered: 'delivered', MsgStatusRead: 'read', MsgStatusSent: 'sent', MsgStatusFailed: 'failed' };

type Fact = [what: string, stated: unknown, read: unknown];

const addressOf = (scheme: string, event: InboundEvent | undefined) => event && `${scheme}:${event.senders[0]?.value}`;
const textIn = (event: InboundEvent | undefined) => (event?.message?.parts ?? []).flatMap((part) => (part.type === 'text' ? [part.visibleText] : part.type === 'choice' ? [part.title] : [])).join('\n');
const attachmentsIn = (event: InboundEvent | undefined) => (event?.message?.parts ?? []).flatMap((part) => {
  if (part.type === 'location') return [`geo:${part.latitude.toFixed(6)},${part.longitude.toFixed(6)}`];
  return part.type === 'media' ? [part.url] : [];
});

function facts(scheme: string, expected: Expected, events: InboundEvent[]): Fact[] {
  const found: Fact[] = [];
  const written = events.find(({ kind }) => kind === 'message');
  if (expected.ExpectedMsgText !== undefined) found.push(['text', expected.ExpectedMsgText, textIn(written)]);
  if (expected.ExpectedAttachments !== undefined) found.push(['attachments', expected.ExpectedAttachments, attachmentsIn(written)]);
  if (expected.ExpectedURN !== undefined) found.push(['address', expected.ExpectedURN, addressOf(scheme, written)]);
  if (expected.ExpectedExternalID !== undefined) found.push(['id', expected.ExpectedExternalID, written?.message?.providerMessageId], ['how many', 1, events.filter(({ kind }) => kind === 'message').length]);
  if (expected.ExpectedDate !== undefined) found.push(['time', expected.ExpectedDate, written?.occurredAt]);
  for (const { ExternalID, Status } of expected.ExpectedStatuses ?? []) {
    found.push(['status', STATES[Status['@go'].replace('models.', '')], events.find(({ receipt }) => receipt?.targets?.includes(ExternalID))?.receipt?.state]);
  }
  for (const { URN, Time, Extra = {} } of expected.ExpectedEvents ?? []) {
    const told = events.find(({ kind, referral }) => (Extra.referrer_id === undefined ? kind === 'postback' : referral?.ref === Extra.referrer_id));
    found.push(['address', URN, addressOf(scheme, told)]);
    if (Time !== undefined) found.push(['time', Time, told?.occurredAt]);
    if (Extra.ad_id !== undefined) found.push(['advertisement', Extra.ad_id, told?.referral?.id]);
    if (Extra.source !== undefined) found.push(['source', Extra.source, told?.referral?.source]);
    if (Extra.payload !== undefined) found.push(['choice', { type: 'choice', id: Extra.payload, title: Extra.title }, told?.message?.parts[0]]);
  }
  return found;
}

describe.for(FOLDERS)('$folder', ({ folder, parse, scheme }) => {
  const files = sharedFiles(folder) ?? [];
  const read = ({ name, body }: SharedFile): InboundEvent[] | Unparsable => {
    try {
      const { events } = parse(json('', { body }));
      for (const event of events) inboundEvent.parse(event);
      return events;
    } catch (error) {
      expect(error, name).toBeInstanceOf(Unparsable);
      return error as Unparsable;
    }
  };

  test.skipIf(files.length === 0)('each is read, and only what is no JSON is not', () => {
    for (const file of files) expect(read(file) instanceof Unparsable, file.name).toBe(file.name.endsWith('.txt'));
  });

  test.skipIf(!files.some(({ oracle }) => oracle))('each says what another project reads in it', () => {
    const [right, wrong] = [[] as string[], [] as string[]];
    for (const file of files) {
      const events = read(file);
      if (!file.oracle || events instanceof Unparsable) continue;
      for (const [what, stated, found] of facts(scheme, file.oracle.expect as Expected, events)) {
        const line = `${file.name}: ${what} is ${JSON.stringify(stated)}, read ${JSON.stringify(found)}`;
        (JSON.stringify(stated) === JSON.stringify(found) ? right : wrong).push(line);
      }
    }
    console.log(`${folder}: ${right.length} of ${right.length + wrong.length} facts right.`);
    expect(wrong.filter((line) => !DISPUTED.has(line.split(':')[0]!))).toEqual([]);
    expect(right.length / (right.length + wrong.length)).toBeGreaterThanOrEqual(0.99);
    expect(right.length).toBeGreaterThan(80);
  });

  // Other projects' samples, without oracles: what they are is plain from what they say.
  test.skipIf(files.length === 0)('what another project takes for a message, a reaction or a report is one', () => {
    const kinds = new Map(files.map((file) => {
      const events = read(file);
      return [file.name, events instanceof Unparsable ? null : events.map(({ kind }) => kind)];
    }));
    const expected: [RegExp, string][] = folder === 'messenger/meta'
      ? [
          [/(text|audio|video|image|file|location|sticker|fallback|quickReply)Message/i, 'message'], [/reaction(React|Unreact)/, 'reaction'], [/ThreadControl|policyEnforcement|accountLinking/, 'system'],
          [/delivery|deliveries|reads|\bread-/, 'receipt'], [/postback(Referral|--|\.)/, 'postback'], [/(link|Plugin)Referral|\/referral/, 'referral'], [/optin/, 'consent'], [/gem\/message(_echo)?--/, 'message'],
        ]
      : [[/text_message|create_event--entry|attachment_event|shared_reel|story_(mention|reply)|standby|unsupported|test_event/, 'message'], [/unsend/, 'message_delete'], [/seen/, 'receipt'], [/wh-/, 'unknown']];
    let judged = 0;
    for (const [name, found] of kinds) {
      const rule = expected.find(([pattern]) => pattern.test(name.replace(/^courier.*/, '')));
      if (!rule) continue;
      expect(found?.[0], name).toBe(rule[1]);
      judged++;
    }
    expect(judged).toBeGreaterThan(15);
  });
});
