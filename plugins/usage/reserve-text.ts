import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { CutString } from '../../providers/provider.ts';
import type { TokenRules } from '../../providers/tokens.ts';
import { loadTokenizer, type Tokenizer, tokenizerOf } from './tokenizer.ts';

// Tokens of all texts of a call, in bounded time: short ones by the tokenizer, long ones by windows of them.

/**
 * Work that is done in full: UTF-8 bytes, and four times those of a character beyond its first. Measured at most 0.28 us a unit
 * (base64, Chinese characters by chance): 4.5 ms. English or code up to here takes 0.5 ms.
 */
const mostWork = 16_000;
/** Of a longer text this many windows are counted, at places nobody can foresee, one in each equal part of it. */
const windows = 16;
/** UTF-16 units of a window, and of one in a text that has more bytes than units. */
const windowLength = 256;
const wideWindow = 80;
/** What windows may fall short by. */
const windowMargin = 1.1;
/** Tokens per byte while the vocabulary is not loaded: JSON and code need about 0.35, scripts of one token a character 0.4. */
const unloadedRate = 0.42;

/** Tokens by the kind of text they are in. */
export interface TextTokens {
  readonly ascii: number;
  readonly other: number;
  /** Digits in either. */
  readonly digits: number;
}

const none: TextTokens = { ascii: 0, other: 0, digits: 0 };

/** Counts texts, and those at `cut` in `bytes`, in tokens of an encoding. */
export function textTokens(
  encoding: TokenRules['encoding'],
  texts: readonly string[],
  cut: readonly CutString[],
  bytes: Buffer,
): TextTokens {
  if (texts.length === 0 && cut.length === 0) return none;
  let work = 0;
  let units = 0;
  let size = 0;
  for (const text of texts) {
    const length = Buffer.byteLength(text);
    work += 5 * length - 4 * text.length;
    units += text.length;
    size += length;
  }
  for (const { start, end } of cut) {
    units += end - start;
    size += end - start;
  }
  const tokenizer = tokenizerOf(encoding);
  if (tokenizer === null) {
    loadTokenizer(encoding).catch(ignored);
    return { ascii: size * unloadedRate, other: 0, digits: 0 };
  }
  if (cut.length === 0 && work <= mostWork) {
    const counted = { ascii: 0, other: 0, digits: 0 };
    for (const text of texts) {
      const tokens = text.length < longEnough ? null : countedBefore(tokenizer, text);
      if (tokens === null) add(counted, tokenizer, text);
      else {
        counted.ascii += tokens.ascii;
        counted.other += tokens.other;
        counted.digits += tokens.digits;
      }
    }
    return counted;
  }
  return sampled(tokenizer, texts, cut, bytes, units, size > units * 1.1 ? wideWindow : windowLength);
}

/** Counts of texts by their digest: instructions, definitions and what was said before come again with every call (1 kB: 3 us, not 27). */
const counts = new LRUCache<string, TextTokens>({ max: 4096 });
/** UTF-16 units from which on a digest takes less time than counting. */
const longEnough = 256;

function countedBefore(tokenizer: Tokenizer, text: string): TextTokens {
  const key = tokenizer.encoding + hash('sha1', text, 'latin1');
  let tokens = counts.get(key);
  if (tokens === undefined) {
    const counted = { ascii: 0, other: 0, digits: 0 };
    add(counted, tokenizer, text);
    tokens = counted;
    counts.set(key, tokens);
  }
  return tokens;
}

/** A vocabulary that cannot be read leaves estimates; who prepares it is told. */
function ignored(): void {}

function add(counted: { ascii: number; other: number; digits: number }, tokenizer: Tokenizer, text: string): void {
  const tokens = tokenizer.count(text);
  const size = Buffer.byteLength(text);
  // 1 for three bytes a character, 0.75 for two.
  const share = size === text.length ? 0 : Math.min(1, ((size - text.length) / size) * 1.5);
  counted.other += tokens * share;
  counted.ascii += tokens * (1 - share);
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit >= 0x30 && unit <= 0x39) counted.digits++;
  }
}

function sampled(
  tokenizer: Tokenizer,
  texts: readonly string[],
  cut: readonly CutString[],
  bytes: Buffer,
  units: number,
  length: number,
): TextTokens {
  const counted = { ascii: 0, other: 0, digits: 0 };
  const part = units / windows;
  let read = 0;
  let text = 0;
  /** Where the current text begins among all. */
  let begins = 0;
  for (let window = 0; window < windows; window++) {
    let at = Math.floor(window * part + Math.random() * Math.max(1, part - length));
    let left = Math.min(length, units - at);
    while (left > 0) {
      let whole = lengthOf(text, texts, cut);
      while (at >= begins + whole && text < texts.length + cut.length) {
        begins += whole;
        text++;
        whole = lengthOf(text, texts, cut);
      }
      const from = at - begins;
      const piece = Math.min(left, whole - from);
      if (piece <= 0) break;
      add(counted, tokenizer, pieceOf(text, from, piece, texts, cut, bytes));
      read += piece;
      left -= piece;
      at += piece;
    }
  }
  const factor = read === 0 ? 0 : (units / read) * windowMargin;
  return { ascii: counted.ascii * factor, other: counted.other * factor, digits: counted.digits * factor };
}

function lengthOf(text: number, texts: readonly string[], cut: readonly CutString[]): number {
  if (text < texts.length) return texts[text]!.length;
  const range = cut[text - texts.length];
  return range === undefined ? 0 : range.end - range.start;
}

function pieceOf(
  text: number,
  from: number,
  length: number,
  texts: readonly string[],
  cut: readonly CutString[],
  bytes: Buffer,
): string {
  if (text < texts.length) return texts[text]!.slice(from, from + length);
  const { start } = cut[text - texts.length]!;
  return bytes.toString('utf8', start + from, start + from + length);
}
