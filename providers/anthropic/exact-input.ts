/** A whole number that a double may not hold. */
const LONG_INTEGER = /\d{16}/;

interface SourceAware {
  parse(text: string, reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown): unknown;
  rawJSON(text: string): unknown;
}

// ECMAScript 2026, JSON.parse source text access; not in the compiler's library.
const json = JSON as unknown as SourceAware;

/**
 * What JSON.parse gives, but for numbers that would lose digits: those are written again as they were. Throws `SyntaxError` for
 * text that is no JSON.
 */
export function parseDigits(text: string): unknown {
  if (!LONG_INTEGER.test(text)) return JSON.parse(text);
  return json.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined && JSON.stringify(value) !== source ? json.rawJSON(source) : value,
  );
}
