import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { setImmediate } from 'node:timers/promises';

// Byte-pair encoding by published ranks. gpt-tokenizer brings the ranks and the pattern that splits a text; its own merge is
// quadratic (16 kB of one letter: 71 ms; of emoji: 280 ms) and loading it holds the event loop for 110 ms, so only its data are used.

export const encodings = ['o200k_base', 'cl100k_base'] as const;
/** A vocabulary with published ranks. */
export type Encoding = (typeof encodings)[number];

/** UTF-8 bytes of one piece that are merged at once. A longer run of letters or signs is cut: a few tokens more, in linear time. */
const pieceBytes = 60;
/** Ranks read between two turns of the event loop: about 1 ms, but for the few in which the table grows (5 ms). */
const slice = 1000;

const patternNames = { o200k_base: 'O200K_TOKEN_SPLIT_REGEX', cl100k_base: 'CL100K_TOKEN_SPLIT_REGEX' } as const;
const longest = 0x7fff_ffff;

/** Counts the tokens of texts. */
export class Tokenizer {
  readonly encoding: Encoding;
  /** Rank by the bytes of a token, one code unit each. */
  readonly #ranks: ReadonlyMap<string, number>;
  /** Ranks of two bytes, by both. Most look-ups of a merge are of such: random Chinese takes half the time. */
  readonly #pairs: Int32Array;
  readonly #pattern: RegExp;
  readonly #bytes = Buffer.alloc(pieceBytes);
  /** Of a piece: where each part ends up starting, and the rank of it joined with the next. */
  readonly #starts = new Int32Array(pieceBytes + 1);
  readonly #joined = new Int32Array(pieceBytes + 1);

  constructor(encoding: Encoding, ranks: ReadonlyMap<string, number>, pairs: Int32Array, pattern: RegExp) {
    this.encoding = encoding;
    this.#ranks = ranks;
    this.#pairs = pairs;
    this.#pattern = new RegExp(pattern.source, pattern.flags);
  }

  /** Tokens of a text, never of special ones. Exact but for runs longer than 60 bytes, of which it may count a few too many. */
  count(text: string): number {
    const pattern = this.#pattern;
    pattern.lastIndex = 0;
    let tokens = 0;
    let at = 0;
    while (at < text.length && pattern.test(text)) {
      const end = pattern.lastIndex;
      tokens += this.#piece(text.slice(at, end));
      at = end;
    }
    return tokens;
  }

  #piece(piece: string): number {
    const bytes = this.#bytes;
    if (piece.length <= pieceBytes && isAscii(piece)) {
      if (this.#ranks.has(piece)) return 1;
      return this.#merged(piece, piece.length);
    }
    let tokens = 0;
    let at = 0;
    do {
      // What a code unit takes at most is three bytes; a pair of surrogates is not torn.
      const fits = piece.length - at <= pieceBytes / 3 ? piece.length : this.#end(piece, at);
      const size = bytes.write(at === 0 && fits === piece.length ? piece : piece.slice(at, fits));
      tokens += size <= 1 ? size : this.#merged(bytes.toString('latin1', 0, size), size);
      at = fits;
    } while (at < piece.length);
    return tokens;
  }

  #end(piece: string, at: number): number {
    let size = 0;
    let end = at;
    while (end < piece.length) {
      const unit = piece.charCodeAt(end);
      const pair = unit >= 0xd800 && unit < 0xdc00 && end + 1 < piece.length;
      size += unit < 0x80 ? 1 : unit < 0x800 ? 2 : pair ? 4 : 3;
      if (size > pieceBytes) break;
      end += pair ? 2 : 1;
    }
    return end;
  }

  /** Tokens of bytes, one code unit each. */
  #merged(whole: string, size: number): number {
    if (this.#ranks.has(whole)) return 1;
    const starts = this.#starts;
    const joined = this.#joined;
    let parts = size;
    for (let at = 0; at <= size; at++) starts[at] = at;
    for (let at = 0; at < size - 1; at++) joined[at] = this.#pairs[(whole.charCodeAt(at) << 8) | whole.charCodeAt(at + 1)]!;
    joined[size - 1] = longest;
    while (parts > 1) {
      let best = longest;
      let place = -1;
      for (let at = 0; at < parts - 1; at++) {
        if (joined[at]! < best) {
          best = joined[at]!;
          place = at;
        }
      }
      if (place === -1) break;
      starts.copyWithin(place + 1, place + 2, parts + 1);
      joined.copyWithin(place + 1, place + 2, parts);
      parts--;
      joined[place] = this.#rank(whole, place, parts);
      if (place > 0) joined[place - 1] = this.#rank(whole, place - 1, parts);
    }
    return parts;
  }

  #rank(whole: string, at: number, parts: number): number {
    if (at + 2 > parts) return longest;
    return this.#ranks.get(whole.slice(this.#starts[at], this.#starts[at + 2])) ?? longest;
  }
}

function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) >= 0x80) return false;
  return true;
}

const loaded = new Map<Encoding, Tokenizer>();
const loading = new Map<Encoding, Promise<Tokenizer>>();

/** The tokenizer of an encoding, null until it has been loaded. */
export function tokenizerOf(encoding: Encoding): Tokenizer | null {
  return loaded.get(encoding) ?? null;
}

/** Loads an encoding in the background, once: 150 ms of CPU in steps of 1 ms, 10 MB of heap (the smaller one 7). Rejects when its file cannot be read. */
export function loadTokenizer(encoding: Encoding): Promise<Tokenizer> {
  let load = loading.get(encoding);
  if (load === undefined) {
    load = read(encoding);
    loading.set(encoding, load);
  }
  return load;
}

async function read(encoding: Encoding): Promise<Tokenizer> {
  const file = createRequire(import.meta.url).resolve(`gpt-tokenizer/data/${encoding}.tiktoken`);
  const [patterns, text] = await Promise.all([
    import('gpt-tokenizer/encodingParams/constants') as Promise<Record<(typeof patternNames)[Encoding], RegExp>>,
    readFile(file, 'latin1'),
  ]);
  const ranks = new Map<string, number>();
  const pairs = new Int32Array(65_536).fill(longest);
  let at = 0;
  while (at < text.length) {
    for (let line = 0; line < slice && at < text.length; line++) {
      const space = text.indexOf(' ', at);
      const end = text.indexOf('\n', space);
      const stop = end === -1 ? text.length : end;
      const bytes = Buffer.from(text.slice(at, space), 'base64');
      const rank = Number(text.slice(space + 1, stop));
      ranks.set(bytes.toString('latin1'), rank);
      if (bytes.length === 2) pairs[bytes.readUInt16BE(0)] = rank;
      at = stop + 1;
    }
    await setImmediate();
  }
  const tokenizer = new Tokenizer(encoding, ranks, pairs, patterns[patternNames[encoding]]);
  loaded.set(encoding, tokenizer);
  return tokenizer;
}
