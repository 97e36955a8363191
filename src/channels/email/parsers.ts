// What carries mail to us, and how each is read: in this thread or in another (parse-pool.ts).
import type { Parsed, RawRequest } from '../channel.ts';
import { contextOf } from './context.ts';
import { parseMail } from './parse.ts';
import { parsePostmark } from './postmark/parse.ts';

export const PARSERS = {
  mime: (request: RawRequest): Promise<Parsed> => parseMail(request.body, contextOf(request.headers)),
  postmark: parsePostmark,
};
export type Carrier = keyof typeof PARSERS;
