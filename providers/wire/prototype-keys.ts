// Keys of a JSON text that would reach the prototype of an object once it is parsed and copied (faults.md I6).

const keys: ReadonlyMap<string, number> = new Map([
  ['__proto__', 1],
  ['constructor', 2],
  ['prototype', 4],
]);

/** Bytes of the longest of these keys with every letter as an escape. */
export const longestSpelling = 66;

/** Whether a key of so many bytes, of which so many begin a `\uXXXX`, is as long as one of these; a cheap first look. */
export function mayReachPrototype(bytes: number, escapes: number): boolean {
  const characters = bytes - 5 * escapes;
  return characters === 9 || characters === 11;
}

/** Only letters and underscores matter, and those have one escaped form: RFC 8259 section 7. */
const unescaped = (text: string): string =>
  text.replace(/\\u00([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));

/** The bit of a key by its text between the quotes, 0 for every other; `escaped`: it has a backslash. */
export const prototypeKey = (text: string, escaped: boolean): number => keys.get(escaped ? unescaped(text) : text) ?? 0;

/** Whether keys with these bits can reach a prototype: `__proto__` alone, `constructor` with `prototype` inside it. */
export const reachesPrototype = (bits: number): boolean => (bits & 1) === 1 || (bits & 6) === 6;
