// An answer that is serialised once and sent to many. graphql-ws serialises a message of its own for each socket; in its place goes a word
// that stands for the text, and the socket puts the text in.
import { randomUUID } from 'node:crypto';
import type { ExecutionResult } from 'graphql';
import { WebSocket } from 'ws';

/** Nobody outside the process can know it, so no value of a client can be taken for it. */
const WORD = `frame-${randomUUID()}`;
/** graphql-ws writes `{"id":…,"type":"next","payload":…}`: the payload comes last. */
const END = `"payload":"${WORD}"}`;

let last: Frame | null = null;

/** The text of an ExecutionResult. graphql-ws' `onNext` must return it as it is (see `onNext`). */
export class Frame {
  constructor(readonly text: string) {}
  /** JSON.stringify asks for it, and the socket's `send` follows in the same breath. */
  toJSON(): string {
    last = this;
    return WORD;
  }
}

/** The message as it goes over the wire. */
export function filled(message: string): string {
  return last && message.endsWith(END) ? `${message.slice(0, -END.length)}"payload":${last.text}}` : message;
}

/** For graphql-ws' option `onNext`, which otherwise copies the result's fields. */
export function onNext(_context: unknown, _id: string, _payload: unknown, _args: unknown, result: unknown): ExecutionResult | undefined {
  return result instanceof Frame ? (result as unknown as ExecutionResult) : undefined;
}

type Send = (data: Parameters<WebSocket['send']>[0], ...rest: unknown[]) => void;

/** Give it to the WebSocketServer as `WebSocket`. */
export class FrameSocket extends WebSocket {
  override send: Send = (data, ...rest) => {
    (super.send as Send).call(this, typeof data === 'string' ? filled(data) : data, ...rest);
  };
}
