import type { Member } from '../provider.ts';
import { decodeKey } from './members.ts';
import { longestSpelling, mayReachPrototype, prototypeKey, reachesPrototype } from './prototype-keys.ts';

// One pass over a JSON text while it arrives, so that a body which is too deep or too dense is refused before it is parsed and
// a long one never holds the event loop for its whole length (faults.md I3, I4). Nothing is validated here but structure:
// JSON.parse runs afterwards.

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** Bytes of a string looked at one by one before the scan jumps to the next quote; doubled for strings full of escapes. */
const shortWalk = 64;
const longestWalk = 65_536;

/** Escapes that a jump passes over are counted from this offset on: what comes before costs little, however it is written. */
const countedFrom = 1024 * 1024;

export interface StructureLimits {
  /** Levels of nesting, the outermost value included. */
  readonly depth: number;
  /** Objects, arrays, strings and colons together. */
  readonly tokens: number;
  /** Commas: numbers in an array cost the parser far less than objects do. */
  readonly commas: number;
  /** Bytes of one string within the first two levels. */
  readonly outerString: number;
  /** Members of the outermost object. */
  readonly members: number;
  /** Nanoseconds that the parse may take, by `parseCost`. */
  readonly work: number;
}

/**
 * What `JSON.parse` takes, nanoseconds, measured on Node 26: a token in objects that all differ, a short number, an escape, any
 * byte with its share of the conversion to a string. Their sum bounds every mixture, where a limit for each would add up.
 */
export const parseCost = { token: 230, comma: 15, escape: 12, byte: 1.5 } as const;

/** A long string: byte offsets of its content, quotes excluded. */
export interface LongString {
  readonly start: number;
  readonly end: number;
}

/** What about the structure is beyond its limits. */
export type StructureFault = 'depth' | 'tokens' | 'string' | 'members' | 'work';

/** A top-level member before its key is decoded: offsets into the whole text. */
interface OpenMember {
  keyStart: number;
  keyEnd: number;
  valueStart: number;
  valueEnd: number;
}

/**
 * Reads JSON text chunk by chunk: `push` returns the first fault, for good, or null. Offsets are of the whole text. Linear in
 * the bytes whatever they are.
 */
export class StructureScanner {
  readonly longStrings: LongString[] = [];
  readonly #limits: StructureLimits;
  readonly #longFrom: number;
  readonly #members: OpenMember[] = [];
  #fault: StructureFault | null = null;
  #base = 0;
  #depth = 0;
  #tokens = 0;
  #commas = 0;
  #escapes = 0;
  /** Of the long strings. */
  #cutBytes = 0;
  #object = false;
  #inString = false;
  #escaped = false;
  #stringStart = 0;
  /** Escapes before the string that is open. */
  #escapesBefore = 0;
  /** In the current chunk, from the position looked at on; its length when there is none. */
  #nextEscape = 0;
  #walk = shortWalk;
  /** What the open string had in earlier chunks, while it may be a key that reaches a prototype. */
  #head = '';
  /** What `prototypeKey` says of the last string, were it a key; and of all keys together. */
  #spelled = 0;
  #spelledKeys = 0;
  #keyStart = 0;
  #keyEnd = 0;
  #member: OpenMember | null = null;
  #expectsKey = false;

  /** Strings of `longFrom` bytes and more at the third level or deeper are listed in `longStrings`. */
  constructor(limits: StructureLimits, longFrom: number) {
    this.#limits = limits;
    this.#longFrom = longFrom;
  }

  push(chunk: Buffer): StructureFault | null {
    let at = 0;
    const end = chunk.length;
    this.#nextEscape = -1;
    while (at < end && this.#fault === null) {
      if (this.#inString) at = this.#string(chunk, at);
      else at = this.#plain(chunk, at);
    }
    this.#base += end;
    if (this.#fault === null && this.#work() > this.#limits.work) this.#fault = 'work';
    return this.#fault;
  }

  /** Nanoseconds. A string that is still open may become a long one, which is not parsed. */
  #work(): number {
    const open = this.#inString && this.#depth > 2;
    const bytes = (open ? this.#stringStart : this.#base) - this.#cutBytes;
    const escapes = open ? this.#escapesBefore : this.#escapes;
    // Looking for keys takes as long as the parse.
    const tokens = this.hasPrototypeKeys ? this.#tokens * 2 : this.#tokens;
    const { token, comma, byte } = parseCost;
    return tokens * token + this.#commas * comma + escapes * parseCost.escape + bytes * byte;
  }

  /** Keys are there that may reach the prototype of an object, escapes considered: their places are to be looked at. */
  get hasPrototypeKeys(): boolean {
    return reachesPrototype(this.#spelledKeys);
  }

  /** Top-level members of the text read so far, in order; `bytes` is that text. Empty when it is no object. */
  members(bytes: Buffer): Member[] {
    return this.#members.map(({ keyStart, keyEnd, valueStart, valueEnd }) => ({
      key: decodeKey(bytes, keyStart, keyEnd),
      keyStart,
      valueStart,
      valueEnd,
    }));
  }

  /** Outside strings, up to the next quote. */
  #plain(chunk: Buffer, from: number): number {
    const base = this.#base;
    let at = from;
    for (const end = chunk.length; at < end; at++) {
      const byte = chunk[at]!;
      if (byte <= 0x20) continue;
      if (byte === QUOTE) {
        if (this.#depth <= 1) this.#note(base + at, base + at + 1, byte);
        this.#inString = true;
        this.#escaped = false;
        this.#walk = shortWalk;
        this.#stringStart = base + at + 1;
        this.#escapesBefore = this.#escapes;
        this.#head = '';
        this.#spelled = 0;
        if (++this.#tokens > this.#limits.tokens) this.#fault = 'tokens';
        return at + 1;
      }
      if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        if (this.#depth === 0) this.#object = this.#expectsKey = byte === OPEN_BRACE;
        else if (this.#depth === 1) this.#note(base + at, base + at + 1, byte);
        if (++this.#depth > this.#limits.depth) this.#fault = 'depth';
        else if (++this.#tokens > this.#limits.tokens) this.#fault = 'tokens';
        if (this.#fault !== null) return at;
      } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
        this.#depth--;
        if (this.#depth === 1 && this.#member !== null) this.#member.valueEnd = base + at + 1;
      } else if (byte === COMMA) {
        if (++this.#commas > this.#limits.commas) {
          this.#fault = 'tokens';
          return at;
        }
        if (this.#depth === 1) {
          this.#member = null;
          this.#expectsKey = true;
        }
      } else if (byte === COLON) {
        if (++this.#tokens > this.#limits.tokens) {
          this.#fault = 'tokens';
          return at;
        }
        this.#spelledKeys |= this.#spelled;
        if (this.#depth === 1 && this.#object && this.#expectsKey) {
          this.#expectsKey = false;
          this.#member = { keyStart: this.#keyStart, keyEnd: this.#keyEnd, valueStart: -1, valueEnd: -1 };
          this.#members.push(this.#member);
          if (this.#members.length > this.#limits.members) {
            this.#fault = 'members';
            return at;
          }
        }
      } else if (this.#depth === 1) this.#note(base + at, base + at + 1, byte);
    }
    return at;
  }

  /** A byte of a value (or the start of a key) at the first level. */
  #note(start: number, end: number, byte: number): void {
    if (this.#member !== null) {
      if (this.#member.valueStart === -1) this.#member.valueStart = start;
      this.#member.valueEnd = end;
    } else if (byte === QUOTE) this.#keyStart = start;
  }

  /** Inside a string, up to and with its closing quote. */
  #string(chunk: Buffer, from: number): number {
    const end = chunk.length;
    let at = from;
    if (this.#escaped) {
      this.#escaped = false;
      at++;
    }
    while (at < end) {
      for (const stop = Math.min(end, at + this.#walk); at < stop; ) {
        const byte = chunk[at];
        if (byte === QUOTE) return this.#closeString(chunk, at);
        if (byte === BACKSLASH) {
          this.#escapes++;
          at += 2;
        } else at++;
      }
      if (at >= end) break;
      // `at` is never inside an escape here, so counting back to it settles whether a quote is escaped.
      const quote = chunk.indexOf(QUOTE, at);
      const stop = quote === -1 ? end : quote;
      if (this.#base + at >= countedFrom && this.#hasEscape(chunk, at, stop)) {
        this.#walk = Math.min(this.#walk * 2, longestWalk);
        continue;
      }
      let before = stop;
      while (before > at && chunk[before - 1] === BACKSLASH) before--;
      const escaped = (stop - before) % 2 === 1;
      if (quote === -1) {
        at = escaped ? end + 1 : end;
        break;
      }
      if (!escaped) return this.#closeString(chunk, quote);
      at = quote + 1;
      this.#walk = Math.min(this.#walk * 2, longestWalk);
    }
    // One past the end: the chunk ended behind a backslash.
    this.#escaped = at > end;
    if (this.#base + end - this.#stringStart <= longestSpelling) this.#head += chunk.toString('latin1', from, end);
    if (this.#depth <= 2 && this.#base + end - this.#stringStart > this.#limits.outerString) this.#fault = 'string';
    return end;
  }

  /** A backslash within the range. Each byte of the chunk is looked at once, whatever the ranges are. */
  #hasEscape(chunk: Buffer, from: number, to: number): boolean {
    if (this.#nextEscape < from) {
      const found = chunk.indexOf(BACKSLASH, from);
      this.#nextEscape = found === -1 ? chunk.length : found;
    }
    return this.#nextEscape < to;
  }

  #closeString(chunk: Buffer, quote: number): number {
    this.#inString = false;
    const close = this.#base + quote;
    const length = close - this.#stringStart;
    if (length <= longestSpelling) this.#spell(chunk, quote, length);
    if (this.#depth <= 2) {
      if (length > this.#limits.outerString) this.#fault = 'string';
    } else if (length >= this.#longFrom) {
      this.longStrings.push({ start: this.#stringStart, end: close });
      this.#cutBytes += length;
      this.#escapes = this.#escapesBefore;
    }
    if (this.#depth === 1) {
      if (this.#member === null) this.#keyEnd = close + 1;
      else this.#member.valueEnd = close + 1;
    }
    return quote + 1;
  }

  /** Notes what key the string of `length` bytes that ends at `quote` would be. */
  #spell(chunk: Buffer, quote: number, length: number): void {
    const escapes = this.#escapes - this.#escapesBefore;
    if (!mayReachPrototype(length, escapes)) return;
    const text = `${this.#head}${chunk.toString('latin1', Math.max(0, quote - length), quote)}`;
    this.#spelled = prototypeKey(text, escapes > 0);
  }
}
