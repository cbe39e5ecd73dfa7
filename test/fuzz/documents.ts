import type { Dice } from './dice.ts';

// JSON documents with values in them that nobody would write: of every type, at every boundary, of every shape.

/** JSON text that `JSON.stringify` cannot produce, put in its place once the rest is text. */
const written: readonly string[] = [
  '1e400',
  '-1e400',
  '-0',
  '0.1e-400',
  '9007199254740993',
  '-9223372036854775809',
  '1E+2',
  '1.0',
  '123456789012345678901234567890',
  '{"a":1,"a":2}',
  '{"__proto__":{"polluted":true}}',
  '{"constructor":{"prototype":{"polluted":true}}}',
  '{"\\u005f_proto__":{"polluted":true}}',
  '"\\ud800"',
  '"\\u0000"',
  '"a\\r\\nx-injected: 1"',
];

const plain: readonly unknown[] = [
  null,
  true,
  false,
  0,
  1,
  -1,
  1.5,
  129,
  10_000,
  1e15,
  Number.MAX_SAFE_INTEGER,
  5e-324,
  '',
  ' ',
  '100',
  'true',
  'null',
  '__proto__',
  'toString',
  'Iñtërnâtiônàlizætiøn ☃ 💩',
  '\u202e\u0000\u001b[31m',
  '<script>alert(1)</script>',
  '$' + '{jndi:ldap://127.0.0.1/a}',
  "' OR 1=1; DROP TABLE attempts; --",
  '../../etc/passwd',
  'file:///etc/passwd',
  'http://169.254.169.254/latest/meta-data/',
  [],
  {},
  [null],
  [[]],
  [{}],
  ['x', 1, null],
  { type: 'text', text: 'x' },
  { type: 'image_url', image_url: { url: 'http://169.254.169.254/' } },
  { type: null },
  { role: 'user' },
  { '': '' },
  { toString: 1, valueOf: 2, hasOwnProperty: 3 },
];

const mark = (number: number): string => `~as written ${number}~`;
const marks = /"~as written (\d+)~"/g;

/** One document being changed; `text` may be taken any number of times. */
export class Document {
  readonly root: Record<string, unknown>;
  readonly #written: string[] = [];

  constructor(base: object) {
    this.root = structuredClone(base) as Record<string, unknown>;
  }

  /** A value that stands in the text exactly as given. */
  asWritten(text: string): string {
    return mark(this.#written.push(text) - 1);
  }

  odd(dice: Dice): unknown {
    const kind = dice.below(100);
    if (kind < 60) return structuredClone(dice.pick(plain));
    if (kind < 85) return this.asWritten(dice.pick(written));
    if (kind < 92) return this.asWritten(nested(dice));
    if (kind < 96) return 'x'.repeat(dice.pick([257, 513, 5_000, 70_000]));
    return Array.from({ length: dice.pick([5, 129, 2_100, 30_000]) }, () => dice.pick([1, 'a', null, {}]));
  }

  text(): string {
    return JSON.stringify(this.root).replace(marks, (_all, number: string) => this.#written[Number(number)]!);
  }
}

function nested(dice: Dice): string {
  const depth = dice.pick([3, 20, 127, 128, 129, 1_000, 40_000]);
  return dice.chance(0.5) ? '['.repeat(depth) + ']'.repeat(depth) : `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
}

type Container = Record<string, unknown> | unknown[];

/** Every object and array of the document, the root more often than the others. */
function containers(root: Container): Container[] {
  const found: Container[] = [root, root, root];
  for (let at = 2; at < found.length; at++) {
    for (const value of Object.values(found[at]!))
      if (typeof value === 'object' && value !== null) found.push(value as Container);
  }
  return found;
}

/** Replaces, removes, adds or repeats one value somewhere. `names`: keys worth adding. */
export function change(dice: Dice, document: Document, names: readonly string[]): void {
  const place = dice.pick(containers(document.root));
  const keys = Object.keys(place);
  const key = dice.pick(keys.length === 0 ? ['0'] : keys);
  const what = dice.below(10);
  if (Array.isArray(place)) {
    if (what < 2) place.splice(Number(key), 1);
    else if (what < 4) place.push(document.odd(dice));
    else if (what < 5)
      for (let more = dice.pick([1, 3, 40]); more > 0; more--) place.push(structuredClone(place[Number(key)]) ?? null);
    else place[Number(key)] = document.odd(dice);
    return;
  }
  if (what < 2) delete place[key];
  else if (what < 5)
    Object.defineProperty(place, dice.pick(names), {
      value: document.odd(dice),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  else if (what < 6) {
    place[`${key}_`] = structuredClone(place[key]);
    delete place[key];
  } else place[key] = document.odd(dice);
}
