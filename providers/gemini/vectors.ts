import { protocolError } from '../wire/json.ts';

/** Further from 1 than this a length is no rounding. */
const TOLERANCE = 1e-4;

/**
 * A vector of length 1, as OpenAI's are: shortened ones of gemini-embedding-001 come with what is left of it (0.57 for 768 of
 * 3,072 numbers). The same array when it has that length already, or none. Throws `TranslationError` for what is no vector.
 */
export function normalised(values: unknown): readonly number[] {
  if (!Array.isArray(values) || values.length === 0)
    return protocolError('The provider answered without the numbers of an embedding.');
  let squares = 0;
  for (let at = 0; at < values.length; at++) {
    const value: unknown = values[at];
    if (typeof value !== 'number' || !Number.isFinite(value))
      protocolError('The provider answered with an embedding that has a value which is no number.');
    squares += value * value;
  }
  const length = Math.sqrt(squares);
  if (length === 0 || !Number.isFinite(length) || Math.abs(length - 1) < TOLERANCE) return values as number[];
  const scaled = new Array<number>(values.length);
  for (let at = 0; at < values.length; at++) scaled[at] = (values[at] as number) / length;
  return scaled;
}
