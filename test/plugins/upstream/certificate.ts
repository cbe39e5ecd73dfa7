import { generateKeyPairSync, sign } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// A certificate in DER (X.690) by RFC 5280, so that no tool has to be installed and its dates can be any.

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const length =
    body.length < 128 ? [body.length] : body.length < 256 ? [0x81, body.length] : [0x82, body.length >> 8, body.length & 255];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

const sequence = (...parts: readonly Buffer[]) => der(0x30, ...parts);
const octets = (...parts: readonly Buffer[]) => der(0x04, ...parts);
const yes = der(0x01, Buffer.from([0xff]));
const objectId = (hex: string) => der(0x06, Buffer.from(hex, 'hex'));
const utcTime = (date: Date) => der(0x17, Buffer.from(`${date.toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`));

const ecdsaWithSha256 = sequence(objectId('2a8648ce3d040302'));
const name = sequence(der(0x31, sequence(objectId('550403'), der(0x0c, Buffer.from('postern test')))));
const certificateAuthority = sequence(objectId('551d13'), yes, octets(sequence(yes)));
const forAddress = (address: string) =>
  sequence(objectId('551d11'), octets(sequence(der(0x87, Buffer.from(address.split('.').map(Number))))));

export interface Certificate {
  readonly key: string;
  readonly cert: string;
  /** The certificate as a PEM file. */
  readonly file: string;
  close(): void;
}

const dayMs = 86_400_000;

/** A certificate that signs itself, for an IPv4 address; `from` and `to`: days from now. */
export function makeCertificate(address: string, from = -1, to = 1): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const [start, end] = [from, to].map((days) => utcTime(new Date(Date.now() + days * dayMs))) as [Buffer, Buffer];
  const toBeSigned = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([1])),
    ecdsaWithSha256,
    name,
    sequence(start, end),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(certificateAuthority, forAddress(address))),
  );
  const signature = der(0x03, Buffer.from([0]), sign('sha256', toBeSigned, privateKey));
  const base64 = sequence(toBeSigned, ecdsaWithSha256, signature).toString('base64');
  const cert = `-----BEGIN CERTIFICATE-----\n${base64.replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
  const folder = mkdtempSync(join(tmpdir(), 'postern-tls-'));
  const file = join(folder, 'cert.pem');
  writeFileSync(file, cert);
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    cert,
    file,
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}
