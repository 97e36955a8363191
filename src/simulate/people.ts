// Pure: the people of a simulated day. The same seed makes the same people, with the same addresses on every channel.
import { createHash } from 'node:crypto';

export interface Person {
  /** His id in the shop that the desk belongs to, 16 hex digits. */
  shopId: string;
  name: string;
  email: string;
  /** With its plus. */
  phone: string;
  psid: string;
  igsid: string;
  xId: string;
}

const FIRST = ['Amina', 'Björn', 'Carla', 'Dmitri', 'Elif', 'Finn', 'Giulia', 'Hugo', 'Ingrid', 'Jamal', 'Keiko', 'Liam', 'Mei', 'Noor', 'Olu', 'Priya', 'Quentin', 'Rosa', 'Søren', 'Tereza', 'Uma', 'Viktor', 'Wanjiru', 'Yara'];
const LAST = ['Almeida', 'Bergström', 'Castillo', 'Dubois', 'Eriksen', 'Fischer', 'Gupta', 'Haddad', 'Ivanova', 'Janssen', 'Kowalski', 'Lindqvist', 'Moreau', 'Nakamura', 'Okonkwo', 'Petrov', 'Quinn', 'Rossi', 'Santos', 'Tanaka', 'Usman', 'Varga', 'Weber', 'Zhang'];
const HOSTS = ['mail.example', 'post.example', 'inbox.example'];

export function personOf(seed: number, n: number): Person {
  const shopId = idOf(`person ${seed} ${n}`).slice(0, 16);
  const digits = (of: string, length: number): string => (BigInt(`0x${idOf(`${of} ${shopId}`)}`) % 10n ** BigInt(length)).toString().padStart(length, '0');
  const pick = (list: readonly string[], of: string): string => list[Number(digits(of, 9)) % list.length]!;
  const [first, last] = [pick(FIRST, 'first'), pick(LAST, 'last')];
  return {
    shopId, name: `${first} ${last}`, email: `${ascii(first)}.${ascii(last)}.${shopId.slice(0, 6)}@${pick(HOSTS, 'host')}`,
    // Numbers of mobile telephones, in a form that the numbering plan has.
    phone: `+4915${digits('phone', 9).replace(/^./, '1')}`, psid: `7${digits('psid', 15)}`, igsid: `8${digits('igsid', 15)}`, xId: `1${digits('x', 12)}`,
  };
}

/** 32 hex digits, the same for the same words. */
export const idOf = (words: string): string => createHash('sha256').update(`simulated ${words}`).digest('hex').slice(0, 32);

const ascii = (name: string): string => name.toLowerCase().replaceAll('ø', 'o').normalize('NFD').replace(/[^a-z]/g, '');
