// What Meta calls on our side for Messenger, Instagram and WhatsApp: signed deliveries, in the form that its documents have.
// https://developers.facebook.com/docs/graph-api/webhooks/getting-started, …/docs/messenger-platform/webhooks
import { createHmac } from 'node:crypto';
import { nowMs } from '../platform/clock.ts';
import { callWebhook, type WebhookAnswer } from './sandbox.ts';

export interface WebhookTarget {
  url: string | null;
  appSecret: string;
}

/** What the app subscribed to. */
export type WebhookObject = 'page' | 'instagram' | 'whatsapp_business_account';

export interface Delivered {
  body: unknown;
  answer: WebhookAnswer;
}

/** Deliveries to one address, in the order in which they are made. */
export class Webhooks {
  readonly delivered: Delivered[] = [];
  readonly #target: WebhookTarget;
  #pending: Promise<unknown> = Promise.resolve();

  constructor(target: WebhookTarget) {
    this.#target = target;
  }

  /** The handshake of a new address: the answer must be the challenge, and nothing else. From then on deliveries go there. */
  async connect(url: string, verifyToken: string): Promise<WebhookAnswer> {
    const challenge = String(1_000_000_000 + this.delivered.length);
    const asked = new URL(url);
    for (const [name, value] of [['hub.mode', 'subscribe'], ['hub.challenge', challenge], ['hub.verify_token', verifyToken]] as const) asked.searchParams.set(name, value);
    const answer = await callWebhook(asked.href, '', {}, 'GET');
    if (answer.status === 200 && answer.body === challenge) this.#target.url = url;
    return answer;
  }

  /** One envelope with these entries. Meta escapes what isn't ASCII, and signs the bytes as they are sent. */
  async deliver(object: WebhookObject, entries: object[]): Promise<Delivered | null> {
    if (this.#target.url === null) return null;
    const body = { object, entry: entries };
    const bytes = JSON.stringify(body).replace(/[\u0080-\uffff]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
    const signature = createHmac('sha256', this.#target.appSecret).update(bytes).digest('hex');
    const answer = await callWebhook(this.#target.url, bytes, { 'content-type': 'application/json', 'x-hub-signature-256': `sha256=${signature}` });
    const delivered = { body, answer };
    this.delivered.push(delivered);
    return delivered;
  }

  /** The same, once the call that is being answered has its answer; `settled` waits for it. */
  later(object: WebhookObject, entries: object[]): void {
    this.#pending = this.#pending.then(() => new Promise((resolve) => setImmediate(resolve))).then(() => this.deliver(object, entries)).catch(() => undefined);
  }

  async settled(): Promise<void> {
    await this.#pending;
  }
}

export const entryOf = (accountId: string, more: object): object => ({ id: accountId, time: nowMs(), ...more });
