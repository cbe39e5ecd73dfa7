import { protocolError } from './json.ts';

// OpenAI's `encoding_format: base64` is the vector as little-endian 32-bit floats.

/** Numbers to base64. Throws `TranslationError` when one is not a finite number. */
export function encodeVector(vector: readonly unknown[]): string {
  const bytes = Buffer.allocUnsafe(vector.length * 4);
  for (let i = 0; i < vector.length; i++) {
    const value = vector[i];
    if (typeof value !== 'number' || !Number.isFinite(value))
      protocolError('The provider answered with an embedding that has a value which is no number.');
    bytes.writeFloatLE(value, i * 4);
  }
  return bytes.toString('base64');
}

/** Base64 to numbers. Throws `TranslationError` when it is not base64 of whole, finite floats. */
export function decodeVector(base64: string): readonly number[] {
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.length === 0 || bytes.length % 4 !== 0)
    protocolError('The provider answered with an embedding whose base64 is not a vector.');
  const vector = new Array<number>(bytes.length / 4);
  for (let i = 0; i < vector.length; i++) {
    const value = bytes.readFloatLE(i * 4);
    if (!Number.isFinite(value)) protocolError('The provider answered with an embedding that has a value which is no number.');
    vector[i] = value;
  }
  return vector;
}
