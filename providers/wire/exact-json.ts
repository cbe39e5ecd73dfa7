// Numbers keep the digits they were written with where a double would lose some (identifiers of 17 digits and more): JSON text inside
// strings (arguments and results of functions) becomes JSON in a request, and JSON in an answer becomes such text.

/** A run of digits that a double may not hold. */
const LONG_NUMBER = /\d{16}/;

type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;

// ECMAScript 2026, JSON.parse source text access; not in the compiler's library.
const { rawJSON } = JSON as unknown as { readonly rawJSON: (text: string) => unknown };
const parse = JSON.parse as (text: string, reviver: Reviver) => unknown;

const keepDigits: Reviver = (_key, value, { source }) =>
  typeof value === 'number' && source !== undefined && String(value) !== source ? rawJSON(source) : value;

const keepIntegers: Reviver = (_key, value, { source }) =>
  typeof value === 'number' && !Number.isSafeInteger(value) && source !== undefined && /^-?\d+$/.test(source)
    ? rawJSON(source)
    : value;

/** The value of a JSON text, undefined when it is none; `JSON.stringify` gives its numbers as they were written. */
export function parseExact(text: string): unknown {
  try {
    return LONG_NUMBER.test(text) ? parse(text, keepDigits) : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** As `JSON.parse`; whole numbers that a double cannot hold are kept for `JSON.stringify`, and are no numbers to anybody else. */
export function parseIntegers(text: string): unknown {
  return LONG_NUMBER.test(text) ? parse(text, keepIntegers) : JSON.parse(text);
}
