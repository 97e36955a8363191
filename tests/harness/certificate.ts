// A certificate for tests, signed by its own key, both made anew each time: no private key lies in the repository. X.509 of RFC 5280, by hand, since Node reads
// certificates and makes none.
import { generateKeyPairSync, sign } from 'node:crypto';

/** For `name`, valid from 2020 to 2049. */
export function selfSigned(name: string): { key: string; cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const commonName = sequence(der(SET, sequence(oid(2, 5, 4, 3), der(UTF8, Buffer.from(name)))));
  const subjectAltName = sequence(oid(2, 5, 29, 17), der(OCTETS, sequence(der(DNS_NAME, Buffer.from(name)))));
  const toBeSigned = sequence(
    der(CONTEXT_0, der(INTEGER, Buffer.from([2]))), der(INTEGER, Buffer.from([1])), ECDSA_SHA256, commonName, sequence(der(UTC, Buffer.from('200101000000Z')), der(UTC, Buffer.from('491231235959Z'))), commonName,
    publicKey.export({ type: 'spki', format: 'der' }), der(CONTEXT_3, sequence(subjectAltName)),
  );
  const certificate = sequence(toBeSigned, ECDSA_SHA256, der(BITS, Buffer.concat([Buffer.from([0]), sign('sha256', toBeSigned, privateKey)])));
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${certificate.toString('base64').replace(/(.{64})/g, '$1\n')}\n-----END CERTIFICATE-----\n`,
  };
}

const [INTEGER, BITS, OCTETS, OID, UTF8, UTC, SEQUENCE, SET, DNS_NAME, CONTEXT_0, CONTEXT_3] = [0x02, 0x03, 0x04, 0x06, 0x0c, 0x17, 0x30, 0x31, 0x82, 0xa0, 0xa3];

function der(tag: number, content: Buffer): Buffer {
  const length = content.length < 0x80 ? [content.length] : content.length < 0x100 ? [0x81, content.length] : [0x82, content.length >> 8, content.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}
const sequence = (...parts: Buffer[]): Buffer => der(SEQUENCE, Buffer.concat(parts));
function oid(first: number, second: number, ...more: number[]): Buffer {
  const bytes = more.flatMap((part) => (part < 0x80 ? [part] : part < 0x4000 ? [0x80 | (part >> 7), part & 0x7f] : [0x80 | (part >> 14), 0x80 | ((part >> 7) & 0x7f), part & 0x7f]));
  return der(OID, Buffer.from([first * 40 + second, ...bytes]));
}
const ECDSA_SHA256 = sequence(oid(1, 2, 840, 10045, 4, 3, 2));
