import type { Member } from '../provider.ts';
import { decodeKey } from './members.ts';

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

export interface StructureLimits {
  /** Levels of nesting, the outermost value included. */
  readonly depth: number;
  /** Objects, arrays, strings and colons together. */
  readonly tokens: number;
  /** Commas: numbers in an array cost the parser far less than objects do. */
  readonly commas: number;
  /** Bytes of one string within the first two levels. */
  readonly outerString: number;
}

/** A long string: byte offsets of its content, quotes excluded. */
export interface LongString {
  readonly start: number;
  readonly end: number;
}

/** What about the structure is beyond its limits. */
export type StructureFault = 'depth' | 'tokens' | 'string';

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
  #object = false;
  #inString = false;
  #escaped = false;
  #stringStart = 0;
  #walk = shortWalk;
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
    while (at < end && this.#fault === null) {
      if (this.#inString) at = this.#string(chunk, at);
      else at = this.#plain(chunk, at);
    }
    this.#base += end;
    return this.#fault;
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
        if (this.#depth === 1 && this.#object && this.#expectsKey) {
          this.#expectsKey = false;
          this.#member = { keyStart: this.#keyStart, keyEnd: this.#keyEnd, valueStart: -1, valueEnd: -1 };
          this.#members.push(this.#member);
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
        if (byte === QUOTE) return this.#closeString(at);
        at += byte === BACKSLASH ? 2 : 1;
      }
      if (at >= end) break;
      // `at` is never inside an escape here, so counting back to it settles whether a quote is escaped.
      const quote = chunk.indexOf(QUOTE, at);
      const stop = quote === -1 ? end : quote;
      let before = stop;
      while (before > at && chunk[before - 1] === BACKSLASH) before--;
      const escaped = (stop - before) % 2 === 1;
      if (quote === -1) {
        at = escaped ? end + 1 : end;
        break;
      }
      if (!escaped) return this.#closeString(quote);
      at = quote + 1;
      this.#walk = Math.min(this.#walk * 2, longestWalk);
    }
    // One past the end: the chunk ended behind a backslash.
    this.#escaped = at > end;
    if (this.#depth <= 2 && this.#base + end - this.#stringStart > this.#limits.outerString) this.#fault = 'string';
    return end;
  }

  #closeString(quote: number): number {
    this.#inString = false;
    const close = this.#base + quote;
    const length = close - this.#stringStart;
    if (this.#depth <= 2) {
      if (length > this.#limits.outerString) this.#fault = 'string';
    } else if (length >= this.#longFrom) this.longStrings.push({ start: this.#stringStart, end: close });
    if (this.#depth === 1) {
      if (this.#member === null) this.#keyEnd = close + 1;
      else this.#member.valueEnd = close + 1;
    }
    return quote + 1;
  }
}
