// Payloads spoiled: their bytes, and where they are JSON, what stands in it. All by chance, the same for the same numbers.

const PIECES = ['\0', '\r', '\n', '\r\n\r\n', '\xff\xfe', '\xc3\x28', '\xed\xa0\x80', '%00', '%ED%A0%80', '%', '&', '=', '--', '=?utf-8?B?////?=', '=?x-nobody?Q?=ZZ?=', '<', '>', '"', '\\', '(', ':', ';', 'Content-Type: multipart/mixed; boundary=""\r\n',
  'Content-Transfer-Encoding: base64\r\n', 'charset=utf-7', 'Date: Fri, 99 Foo 99999 99:99:99 +9999\r\n', 'Message-ID: <>\r\n', 'From: \r\n', '-1', '9'.repeat(40), '1e999', 'a'.repeat(5_000), ' '.repeat(3_000), '\n'.repeat(2_000), '[]', 'NumMedia=99', 'Body', '\u202e', '🙂'].map((piece) => Buffer.from(piece, 'latin1'));

const VALUES: readonly unknown[] = [
  null, true, 0, -1, 1.5, 1e300, 2 ** 53, '', '0', 'x', '\0', '\ud800', '\u202e', '9'.repeat(40), '-1', '2026-13-45T99:99:99Z', 'https://x.example/%00', 'file:///etc/passwd', 'a'.repeat(5_000), [], {}, [[]], [null], { id: {} }, { __proto__: null, constructor: 1 }, Array.from({ length: 300 }, () => ({})),
];

/** `other`: what else there is, of which pieces are taken. */
export function spoiled(body: Buffer, other: Buffer, random: () => number, bytesMax: number): Buffer {
  const tree = random() < 0.6 ? parsed(body) : undefined;
  return (tree === undefined ? spoiledBytes(body, other, random) : Buffer.from(JSON.stringify(spoiledTree(tree, parsed(other), random)))).subarray(0, bytesMax);
}

function spoiledBytes(body: Buffer, other: Buffer, random: () => number): Buffer {
  const int = (n: number) => Math.floor(random() * n);
  for (let times = 1 + int(4); times > 0; times--) {
    const at = int(body.length + 1);
    const end = Math.min(body.length, at + int(40));
    const ways: (() => Buffer)[] = [
      () => Buffer.concat([body.subarray(0, at), body.subarray(end)]),
      () => Buffer.concat([body.subarray(0, at), PIECES[int(PIECES.length)]!, body.subarray(at)]),
      () => Buffer.concat([body.subarray(0, at), PIECES[int(PIECES.length)]!, body.subarray(end)]),
      () => Buffer.concat([body.subarray(0, end), body.subarray(at)]),
      () => body.subarray(0, at),
      () => Buffer.concat([body.subarray(0, at), other.subarray(int(other.length))]),
      () => {
        const copy = Buffer.from(body);
        if (at < copy.length) copy[at] = copy[at]! ^ (1 << int(8));
        return copy;
      },
    ];
    body = ways[int(ways.length)]!();
  }
  return body;
}

type Tree = Record<string, unknown> | unknown[];

function parsed(body: Buffer): Tree | undefined {
  if (body[0] !== 0x7b && body[0] !== 0x5b) return undefined;
  try {
    return JSON.parse(body.toString('utf8')) as Tree;
  } catch {
    return undefined;
  }
}

/** Changes one to four places; what it is given stays as it was. */
function spoiledTree(tree: Tree, other: Tree | undefined, random: () => number): Tree {
  const int = (n: number) => Math.floor(random() * n);
  const copy = structuredClone(tree);
  for (let times = 1 + int(4); times > 0; times--) {
    const places = placesIn(copy);
    const place = places[int(places.length)];
    if (!place) break;
    const theirs = other ? placesIn(other) : [];
    const [holder, key] = place;
    const set = (value: unknown) => void ((holder as Record<string, unknown>)[key] = value);
    const value = (holder as Record<string, unknown>)[key];
    const ways: (() => void)[] = [
      () => set(structuredClone(VALUES[int(VALUES.length)])),
      () => set(structuredClone(VALUES[int(VALUES.length)])),
      () => (Array.isArray(holder) ? void holder.splice(Number(key), 1) : void delete holder[key]),
      () => (Array.isArray(holder) ? void holder.splice(Number(key), 0, structuredClone(value)) : set([structuredClone(value)])),
      () => set(typeof value === 'string' ? Number(value) : JSON.stringify(value)),
      () => {
        const theirPlace = theirs[int(theirs.length)];
        if (theirPlace) set(structuredClone((theirPlace[0] as Record<string, unknown>)[theirPlace[1]]));
      },
    ];
    ways[int(ways.length)]!();
  }
  return copy;
}

/** Who holds a value, and under which name. */
function placesIn(tree: unknown): [holder: Tree, key: string][] {
  if (typeof tree !== 'object' || tree === null) return [];
  return Object.entries(tree).flatMap(([key, value]) => [[tree as Tree, key] as [Tree, string], ...placesIn(value)]);
}
