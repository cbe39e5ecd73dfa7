// A string for a regular expression, for the `pattern` of a JSON schema. It is made by reading the expression, which is
// never run: an expression of a caller can take exponential time. Lookaround and back references are read over.

const printable = Array.from({ length: 95 }, (_, at) => String.fromCharCode(32 + at));
const preferred = ['a', 'A', '0', '-', '_', ' ', ...printable];
const classes: Readonly<Record<string, (char: string) => boolean>> = {
  d: (char) => char >= '0' && char <= '9',
  w: (char) => /\w/.test(char),
  s: (char) => char === ' ',
  D: (char) => !(char >= '0' && char <= '9'),
  W: (char) => !/\w/.test(char),
  S: (char) => char !== ' ',
};
const controls: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', f: '\f', v: '\v', '0': '\0' };

/** Deepest nesting of groups that is followed, and longest string made. */
const maxDepth = 50;
const maxLength = 10_000;

type Accepts = (char: string) => boolean;

class Reader {
  readonly #source: string;
  /** Repetitions beyond the least, where the expression allows more. */
  readonly #extra: number;
  #at = 0;

  constructor(source: string, extra: number) {
    this.#source = source;
    this.#extra = extra;
  }

  /** The first alternative; the others are read over. */
  alternatives(depth: number): string {
    const first = this.#sequence(depth);
    while (this.#peek() === '|') {
      this.#at++;
      this.#sequence(depth);
    }
    return first;
  }

  #peek(): string {
    return this.#source[this.#at] ?? '';
  }

  #sequence(depth: number): string {
    let text = '';
    while (this.#at < this.#source.length && this.#peek() !== '|' && this.#peek() !== ')') {
      const atom = this.#atom(depth);
      const times = this.#quantifier();
      if (text.length + atom.length * times <= maxLength) text += atom.repeat(times);
    }
    return text;
  }

  #atom(depth: number): string {
    const char = this.#peek();
    this.#at++;
    if (char === '(') return this.#group(depth);
    if (char === '[') return this.#set();
    if (char === '.') return 'a';
    if (char === '^' || char === '$') return '';
    if (char !== '\\') return char;
    const escaped = this.#escape();
    return typeof escaped === 'string' ? escaped : (preferred.find(escaped) ?? '');
  }

  #group(depth: number): string {
    const opening = /^\?(?:[:=!]|<[=!]|<[^>]*>)/.exec(this.#source.slice(this.#at, this.#at + 64))?.[0] ?? '';
    this.#at += opening.length;
    if (depth >= maxDepth) {
      this.#at = this.#source.length;
      return '';
    }
    const inside = this.alternatives(depth + 1);
    this.#at++;
    return /^\?<?[=!]/.test(opening) ? '' : inside;
  }

  /** After a backslash: a class of characters, or the one meant. */
  #escape(): string | Accepts {
    const char = this.#peek();
    this.#at++;
    if (char in classes) return classes[char]!;
    if (char in controls) return controls[char]!;
    if (char === 'b' || char === 'B' || (char >= '1' && char <= '9')) return '';
    const rest = this.#source.slice(this.#at, this.#at + 64);
    const property = char === 'p' || char === 'P' ? /^\{[^}]*\}/.exec(rest)?.[0] : undefined;
    if (property !== undefined) {
      this.#at += property.length;
      const digits = /^\{(?:N|Nd|Number)/.test(property);
      return digits === (char === 'p') ? classes.d! : (one) => /[A-Za-z]/.test(one);
    }
    const code =
      char === 'x'
        ? /^[\da-f]{2}/i.exec(rest)?.[0]
        : char === 'u'
          ? /^(?:[\da-f]{4}|\{[\da-f]{1,6}\})/i.exec(rest)?.[0]
          : undefined;
    if (code === undefined) return char;
    this.#at += code.length;
    const point = Number.parseInt(code.replace(/[{}]/g, ''), 16);
    return point <= 0x10ffff ? String.fromCodePoint(point) : '';
  }

  #set(): string {
    const negated = this.#peek() === '^';
    if (negated) this.#at++;
    const accepts: Accepts[] = [];
    const literals: string[] = [];
    while (this.#at < this.#source.length && this.#peek() !== ']') {
      const from = this.#member();
      if (typeof from !== 'string') {
        accepts.push(from);
      } else if (this.#peek() === '-' && this.#source[this.#at + 1] !== ']' && this.#at + 1 < this.#source.length) {
        this.#at++;
        const to = this.#member();
        if (typeof to === 'string') accepts.push((char) => char >= from && char <= to);
        literals.push(from);
      } else literals.push(from);
    }
    this.#at++;
    const inside: Accepts = (char) => literals.includes(char) || accepts.some((accept) => accept(char));
    if (negated) return preferred.find((char) => !inside(char)) ?? '\u00e9';
    return preferred.find(inside) ?? literals[0] ?? '';
  }

  #member(): string | Accepts {
    const char = String.fromCodePoint(this.#source.codePointAt(this.#at) ?? 0);
    this.#at += char.length;
    return char === '\\' ? this.#escape() : char;
  }

  #quantifier(): number {
    const found = /^(?:[*+?]|\{(\d+)(?:(,)(\d*))?\})/.exec(this.#source.slice(this.#at, this.#at + 64));
    if (found === null) return 1;
    this.#at += found[0].length;
    if (this.#peek() === '?') this.#at++;
    const [sign, least, comma, most] = found;
    if (sign === '?') return Math.min(1, this.#extra);
    const from = least === undefined ? (sign === '+' ? 1 : 0) : Number(least);
    const to = least === undefined || (comma !== undefined && most === '') ? Number.POSITIVE_INFINITY : Number(most ?? least);
    return Math.min(maxLength, from + Math.min(this.#extra, Math.max(0, to - from)));
  }
}

/** A string the pattern matches, at least `minLength` long where the pattern allows that. */
export function textForPattern(pattern: string, minLength = 0): string {
  const wanted = Math.min(minLength, maxLength);
  let text = '';
  for (let extra = 0; extra <= wanted; extra = extra * 2 || 1) {
    text = new Reader(pattern, extra).alternatives(0);
    if (text.length >= wanted) return text;
  }
  return new Reader(pattern, wanted).alternatives(0);
}
