// JSON text inside strings (arguments and results of functions) becomes JSON in the request: numbers keep the digits they were
// written with, where a double would lose some (identifiers of 17 digits and more).

/** Longer runs of digits are not safe as a double. */
const LONG_NUMBER = /\d{16}/;

type RawJson = (text: string) => unknown;
type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;

const { rawJSON } = JSON as unknown as { readonly rawJSON: RawJson };
const parse = JSON.parse as (text: string, reviver: Reviver) => unknown;

const keepDigits: Reviver = (_key, value, { source }) =>
  typeof value === 'number' && source !== undefined && String(value) !== source ? rawJSON(source) : value;

/** The value of a JSON text, undefined when it is none; JSON.stringify gives its numbers as they were written. */
export function parseExact(text: string): unknown {
  try {
    return LONG_NUMBER.test(text) ? parse(text, keepDigits) : JSON.parse(text);
  } catch {
    return undefined;
  }
}
