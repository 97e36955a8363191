// `throughline parse`: what a provider's payload says, as we understand it. Touches no database.
import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { CHANNEL_NAMES, inboundEvent, type RawRequest } from '../../channels/channel.ts';
import { findParser, PROVIDERS } from '../../channels/registry.ts';
import { UsageError, type Command } from './command.ts';

const TYPES: Record<string, string> = {
  '.json': 'application/json', '.form': 'application/x-www-form-urlencoded', '.txt': 'text/plain', '.eml': 'message/rfc822', '.mime': 'message/rfc822', '.xml': 'application/xml',
};

export const parseCommand: Command = {
  name: 'parse',
  usage: '--channel C --provider P [--header "Name: value"]… [--schema] FILE…',
  summary: 'Print what payloads say: one line of JSON a file, { "file", "events", "error"? }.',
  async run(args) {
    const { values, positionals } = parseArgs({
      args, allowPositionals: true,
      options: { channel: { type: 'string' }, provider: { type: 'string' }, header: { type: 'string', multiple: true }, schema: { type: 'boolean' } },
    });
    if (values.schema) {
      const line = z.object({ file: z.string(), events: z.array(inboundEvent), error: z.string().optional() });
      console.log(JSON.stringify(z.toJSONSchema(line, { unrepresentable: 'any' }), null, 2));
      return 0;
    }
    const provider = values.channel === undefined ? undefined : findParser(values.provider ?? '', values.channel.toLowerCase());
    if (!provider) {
      throw new UsageError(`Give --channel (${CHANNEL_NAMES.join(', ')}) and --provider; there are ${PROVIDERS.map((p) => `${p.channel} ${p.provider}`).join(', ')}.`);
    }
    if (positionals.length === 0) throw new UsageError('Name the files to read.');
    const headers = Object.fromEntries((values.header ?? []).map(headerOf));
    for (const file of positionals) {
      let line: { file: string; events: unknown[]; error?: string };
      try {
        const parsed = await provider.parse(requestOf(file, await readFile(file), headers));
        line = { file, events: parsed.events };
      } catch (error) {
        line = { file, events: [], error: error instanceof Error ? error.message : String(error) };
      }
      console.log(JSON.stringify(line));
    }
    return 0;
  },
};

function headerOf(text: string): [string, string] {
  const colon = text.indexOf(':');
  if (colon < 1) throw new UsageError(`--header takes "Name: value", not "${text}".`);
  return [text.slice(0, colon).trim().toLowerCase(), text.slice(colon + 1).trim()];
}

/** A recorded body comes without its headers; its name tells the type. A recording of a whole request (method, headers, body) is taken as one. */
function requestOf(file: string, content: Buffer, headers: Record<string, string>): RawRequest {
  const request: RawRequest = { method: 'POST', url: 'http://localhost/', headers: { 'content-type': TYPES[extname(file).toLowerCase()] ?? 'application/octet-stream', ...headers }, body: content };
  if (extname(file) !== '.json') return request;
  try {
    const recorded = JSON.parse(content.toString('utf8')) as { method?: unknown; path?: unknown; body?: unknown };
    if (typeof recorded.method !== 'string' || typeof recorded.body !== 'string') return request;
    const isForm = !/^\s*[[{]/.test(recorded.body);
    return {
      ...request, method: recorded.method, url: `http://localhost${typeof recorded.path === 'string' ? recorded.path : '/'}`, body: Buffer.from(recorded.body),
      headers: { 'content-type': isForm ? TYPES['.form']! : TYPES['.json']!, ...headers },
    };
  } catch {
    return request;
  }
}
