// Recorded payloads beside the project, and what other projects read in them.
import { describe, expect, test } from 'vitest';
import { inboundEvent, Unparsable, type InboundEvent } from '../../../../src/channels/channel.ts';
import { parseWhatsappCloud } from '../../../../src/channels/whatsapp/meta-cloud/parse.ts';
import { json, sharedFiles, type SharedFile } from '../../requests.ts';

/** 360dialog hands on what Meta sends, unchanged. */
const FOLDERS = [{ folder: 'whatsapp/meta-cloud', facts: 80 }, { folder: 'whatsapp/360dialog-cloud', facts: 80 }];

/** What an oracle has otherwise than the payload, by file and fact, with the reason. */
const DISPUTED = new Map<string, string>();

/** An oracle in courier's form: the fields that state a fact about the payload. The others are of its server (answers, signatures). */
interface Expected {
  ExpectedMsgText?: string;
  ExpectedAttachments?: string[];
  ExpectedURN?: string;
  ExpectedNewURN?: { Value: string } | null;
  ExpectedContactName?: string;
  ExpectedExternalID?: string;
  ExpectedDate?: string;
  ExpectedPayload?: string;
  ExpectedErrors?: [code: string, title: string][];
  ExpectedStatuses?: { ExternalID: string; Status: { '@go': string } }[];
}
const STATES = new Map([['MsgStatusDelivered', 'delivered'], ['MsgStatusRead', 'read'], ['MsgStatusSent', 'sent'], ['MsgStatusFailed', 'failed']]);

type Fact = [what: string, stated: unknown, read: unknown];

const urn = (value: string | undefined) => value && `whatsapp:${value.replace('+', '')}`;
const textIn = (event: InboundEvent | undefined) => (event?.message?.parts ?? []).flatMap((part) => (part.type === 'text' ? [part.visibleText] : part.type === 'choice' ? [part.title] : [])).join('\n');
/** The payload names a file by its id; its address is asked for. The ids of these are named like the addresses. */
const attachmentsIn = (event: InboundEvent | undefined) => (event?.message?.parts ?? []).flatMap((part) => {
  if (part.type === 'location') return [`geo:${part.latitude.toFixed(6)},${part.longitude.toFixed(6)}`];
  return part.type === 'media' ? [part.providerMediaId?.replace(/^id_/, '').toLowerCase()] : [];
});
const attachmentStated = (address: string) => (address.startsWith('geo:') ? address : address.replace(/.*(?:attachmentURL|mid=id)_/, '').toLowerCase());

function factsOf(expected: Expected, events: InboundEvent[]): Fact[] {
  const found: Fact[] = [];
  const messages = events.filter(({ kind }) => kind === 'message');
  const [written] = messages;
  const fact = <T>(what: string, stated: T | undefined, read: unknown) => stated !== undefined && found.push([what, stated, read]);
  fact('text', expected.ExpectedMsgText, textIn(written));
  fact('attachments', expected.ExpectedAttachments?.map(attachmentStated), attachmentsIn(written));
  fact('address', expected.ExpectedURN, urn(written?.senders[0]?.value));
  if (expected.ExpectedNewURN !== undefined) fact('other address', expected.ExpectedNewURN?.Value ?? null, urn(written?.senders[1]?.value) ?? null);
  fact('name', expected.ExpectedContactName, written?.senders[0]?.displayName);
  fact('id', expected.ExpectedExternalID, written?.message?.providerMessageId);
  if (expected.ExpectedExternalID !== undefined) fact('how many', 1, messages.length);
  fact('time', expected.ExpectedDate, written?.occurredAt);
  const form = written?.message?.parts.find((part) => part.type === 'form');
  if (expected.ExpectedPayload !== undefined) fact('form', JSON.parse(expected.ExpectedPayload), form?.type === 'form' ? form.fields : undefined);
  for (const [code, title] of expected.ExpectedErrors ?? []) {
    const kept = events.find(({ receipt }) => receipt)?.receipt?.errorCode ?? (JSON.stringify(events).includes(`"code":${code}`) ? code : null);
    fact('error', code, kept);
    // The sentence of a report is ours.
    if (events.every(({ receipt }) => receipt === undefined)) fact('error text', true, JSON.stringify(events).includes(title));
  }
  for (const { ExternalID, Status } of expected.ExpectedStatuses ?? []) {
    fact('status', STATES.get(Status['@go'].replace('models.', '')), events.find(({ receipt }) => receipt?.targets?.includes(ExternalID))?.receipt?.state);
  }
  return found;
}

const read = ({ name, body }: SharedFile): InboundEvent[] | Unparsable => {
  try {
    const { events } = parseWhatsappCloud(json('', { body }));
    for (const event of events) inboundEvent.parse(event);
    return events;
  } catch (error) {
    expect(error, name).toBeInstanceOf(Unparsable);
    return error as Unparsable;
  }
};

describe.for(FOLDERS)('$folder', ({ folder, facts }) => {
  const files = sharedFiles(folder) ?? [];

  test.skipIf(files.length === 0)('each is read, and only what is no JSON is not', () => {
    for (const file of files) {
      const events = read(file);
      expect(events instanceof Unparsable, file.name).toBe(file.name.endsWith('.txt'));
      // Nothing is dropped.
      if (!(events instanceof Unparsable)) expect(events.length, file.name).toBeGreaterThan(0);
    }
  });

  test.skipIf(!files.some(({ oracle }) => oracle))('each says what another project reads in it', () => {
    const [right, wrong] = [[] as string[], [] as string[]];
    for (const file of files) {
      const events = read(file);
      if (!file.oracle || events instanceof Unparsable) continue;
      for (const [what, stated, found] of factsOf(file.oracle.expect as Expected, events)) {
        const line = `${file.name}: ${what} is ${JSON.stringify(stated)}, read ${JSON.stringify(found)}`;
        (JSON.stringify(stated) === JSON.stringify(found) ? right : wrong).push(line);
      }
    }
    console.log(`${folder}: ${right.length} of ${right.length + wrong.length} facts right.`);
    expect(wrong.filter((line) => !DISPUTED.has(line.split(' is ')[0]!))).toEqual([]);
    expect(right.length / (right.length + wrong.length)).toBeGreaterThanOrEqual(0.99);
    expect(right.length).toBeGreaterThan(facts);
  });
});

// Without oracles: what they are is plain from what they are called.
const KINDS: [name: RegExp, kind: string, part?: string][] = [
  [/reaction|emoji/, 'reaction', 'reaction'], [/message-status|status_(notification|conversation|with)|(authentication|marketing|utility|service)_status/, 'receipt'],
  [/system-bsuid|message-system|system_notification|userIdUpdate/, 'identity_change'],
  [/(account|business|messageTemplate|phoneNumber)\w*(Update|Review)|group-participants/, 'system'],
  [/-(image|audio|video|document|sticker)\.|_(image|document|sticker)_/, 'message', 'media'], [/message-location/, 'message', 'location'], [/contacts|a_contact_/, 'message', 'contacts'],
  [/interactive|-button|_button_|_list_/, 'message', 'choice'], [/_flow_/, 'message', 'text'], [/_order_/, 'message', 'text'], [/-error|unsupported|_unknown_/, 'message', 'unsupported'],
  [/-text|text_|-ads|forwarded|bsuid|_user_id_/, 'message', 'text'],
];

test('what another project takes for a message, a reaction, a report or a change is one', ({ skip }) => {
  const files = ['restfb', 'netflie-php'].flatMap((project) => sharedFiles(`whatsapp/meta-cloud/${project}`) ?? []);
  skip(files.length === 0);
  let judged = 0;
  for (const file of files) {
    const rule = KINDS.find(([pattern]) => pattern.test(file.name));
    const events = read(file);
    if (!rule || events instanceof Unparsable) continue;
    const [, kind, part] = rule;
    expect([events[0]!.kind, ...(part === undefined ? [] : [events[0]!.message?.parts.map(({ type }) => type)])], file.name).toEqual([kind, ...(part === undefined ? [] : [expect.arrayContaining([part])])]);
    judged++;
  }
  expect(judged).toBeGreaterThan(55);
});
