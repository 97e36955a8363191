// A webhook's JSON. Ids beyond 2^53, which some providers write as numbers, are kept to the digit: as strings.
import { parse } from 'lossless-json';
import { Unparsable } from './channel.ts';

/** A number long enough to lose digits; digits within strings only cost the slower reading. */
const LONG_NUMBER = /\d{16}/;

/** @throws Unparsable when the bytes aren't JSON */
export function readJson(body: Buffer): unknown {
  const text = body.toString('utf8');
  try {
    return LONG_NUMBER.test(text) ? parse(text, null, { parseNumber, onDuplicateKey: ({ newValue }) => newValue }) : JSON.parse(text);
  } catch (error) {
    throw new Unparsable(`The body is no JSON: ${error instanceof Error ? error.message.slice(0, 200) : String(error)}`);
  }
}

/** A whole number that a double can't hold stays as it was written. */
function parseNumber(written: string): number | string {
  const value = Number(written);
  return /^-?\d+$/.test(written) && !Number.isSafeInteger(value) ? written : value;
}
