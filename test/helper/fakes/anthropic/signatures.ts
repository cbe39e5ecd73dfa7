import { createHash, createHmac } from 'node:crypto';

const key = 'signatures of the fake';
const prefix = 'fake-thinking';

/** A signature over exactly this text, as long as a short real one. */
export function signThinking(thinking: string): string {
  const hash = createHash('sha256').update(thinking).digest('hex');
  return Buffer.from(`${prefix}|${hash}|${mac(hash)}|${mac(`filler ${hash}`)}`).toString('base64');
}

/** `issued` for this text, `altered`: for another one, `foreign`: not by the fake. */
export function verdictOn(signature: string, thinking: string): 'issued' | 'altered' | 'foreign' {
  const [name, hash, given] = Buffer.from(signature, 'base64').toString('utf8').split('|');
  if (name !== prefix || hash === undefined || given !== mac(hash)) return 'foreign';
  return hash === createHash('sha256').update(thinking).digest('hex') ? 'issued' : 'altered';
}

/** The opaque data of a redacted block. */
export function redactedData(number: number): string {
  return signThinking(`redacted ${number}`);
}

/** Whether the fake issued this opaque data. */
export function isRedactedData(data: string): boolean {
  return verdictOn(data, '') !== 'foreign';
}

function mac(value: string): string {
  return createHmac('sha256', key).update(value).digest('hex');
}
