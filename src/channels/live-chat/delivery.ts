// What a visitor does, as one delivery: the JSON that visitors/ stores for each of a visitor's mutations, and that `parse` reads.
import { z } from 'zod';

export const TEXT_CHARACTERS_MAX = 20_000;

/** Made by the client, unique for the visitor: the same id again is the same thing again. */
export const clientId = z.string().regex(/^[A-Za-z0-9_.:-]{1,100}$/, 'Expected 1 to 100 letters, digits or `_ . : -`.');

const line = z.string().max(320);
/** The channels of which this is the protocol. */
export const OWN_CHANNELS = ['live_chat', 'in_app'] as const;
export type OwnChannel = (typeof OWN_CHANNELS)[number];

const base = {
  channel: z.enum(OWN_CHANNELS).default('live_chat'),
  /** The chat account, `cha_…`. */
  account: z.string().regex(/^cha_[0-9a-f]{32}$/),
  visitor: z.strictObject({
    /** Ours, given out with the visitor's first token: 32 hex digits; what was brought in from elsewhere may be longer. No colon. */
    id: z.string().regex(/^[A-Za-z0-9_.-]{1,100}$/),
    /** What he calls himself; null while he hasn't said. */
    name: line.nullable(),
  }),
  clientId,
};
const text = z.string().min(1).max(TEXT_CHARACTERS_MAX);
export const FILES_MAX = 10;
/** Uploaded before (`POST /uploads`). */
const file = z.strictObject({ sha256: z.string().regex(/^[0-9a-f]{64}$/), mime: z.string().max(200), filename: z.string().max(200), size: z.number().int().min(0) });

export const chatDelivery = z.discriminatedUnion('type', [
  /** Text, files or both. */
  z.strictObject({ ...base, type: z.literal('message'), text: z.string().max(TEXT_CHARACTERS_MAX), files: z.array(file).max(FILES_MAX).default([]), replyTo: z.string().nullable() })
    .refine(({ text, files }) => text !== '' || files.length > 0, { path: ['text'], message: 'There is neither a text nor a file.' }),
  /** `target`: the client id of the visitor's own message. */
  z.strictObject({ ...base, type: z.literal('edit'), target: clientId, text }),
  z.strictObject({ ...base, type: z.literal('delete'), target: clientId }),
  /** He has seen everything up to this message of ours, `msg_…`. */
  z.strictObject({ ...base, type: z.literal('seen'), upTo: z.string().regex(/^msg_[0-9a-f]{32}$/) }),
  /** What he typed before the chat. Who he says that he is is a claim, whatever he types. */
  z.strictObject({ ...base, type: z.literal('form'), name: line.nullable(), email: line.nullable(), phone: line.nullable(), fields: z.record(z.string().max(100), z.string().max(2_000)) }),
  /** The page that he looks at. */
  z.strictObject({ ...base, type: z.literal('page'), url: z.string().max(2_000), title: line.nullable() }),
  /** Who the company's backend said that he is, in a token whose signature was checked before this was written. */
  z.strictObject({
    ...base,
    type: z.literal('identify'),
    externalId: line,
    /** What that id is unique within: the company's system, or the account. */
    system: line,
    name: line.nullable(),
    email: line.nullable(),
    emailVerified: z.boolean(),
    phone: line.nullable(),
  }),
]);
export type ChatDelivery = z.infer<typeof chatDelivery>;

/** The id under which a visitor's message is known on its account: nobody else's client can name it. */
export const messageKey = (visitorId: string, client: string): string => `${visitorId}:${client}`;
