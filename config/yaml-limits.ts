import { Lexer } from 'yaml';

// What is refused before the YAML parser sees it, so that no text up to 1 MiB takes longer than about 100 ms.

/**
 * Parsing cost grows with structure, not with bytes: 1 MiB of `0,` took 3.5 s, 20,000 tokens of the worst kind 60 ms.
 * Counting first costs 10 ms at the limit. A line has 5 to 8 tokens, so this is some 3,000 lines.
 */
const MAX_TOKENS = 20_000;
/** Long texts are made of lines, not of tokens, and 250,000 of them cost 0.1 s too. */
const MAX_LINES = 20_000;
const MAX_EXPRESSIONS = 2_000;
/** Nesting of flow collections, and columns of indentation. */
const MAX_DEPTH = 64;
const MAX_INDENT = 256;
/** Messages that a nesting too deep for the parser itself gets as well. */
export const tooDeep = 'the file is nested too deeply';
export const deepHint = `nest at most ${MAX_DEPTH} levels`;

/** One reason not to read a file any further; `offset` in characters. */
export class Refusal extends Error {
  readonly offset: number;
  readonly hint: string;
  constructor(offset: number, message: string, hint: string) {
    super(message);
    this.offset = offset;
    this.hint = hint;
  }
}

/** Refuses source text by what is cheap to count: lines and `${`. */
export function limitText(source: string): void {
  limitCount(source, '\n', MAX_LINES, 'lines');
  limitCount(source, '${', MAX_EXPRESSIONS, 'interpolated values');
}

function limitCount(text: string, part: string, most: number, noun: string): void {
  let count = 0;
  for (let at = text.indexOf(part); at !== -1; at = text.indexOf(part, at + part.length)) {
    if (++count > most) throw new Refusal(at, `the file has more than ${most} ${noun}`, 'split it, or remove what is not needed');
  }
}

/** Refuses masked YAML source by its tokens: too many, nested too deeply, or a directive. */
export function limitStructure(text: string): void {
  let offset = 0;
  let tokens = 0;
  let depth = 0;
  let dashes = 0;
  let fresh = true;
  let content = false;
  for (const token of new Lexer().lex(text)) {
    // What follows the lexer's scalar mark is text, whatever it starts with.
    const kind: string | undefined = content ? '' : token[0];
    content = kind === '\u001f';
    if (++tokens > MAX_TOKENS) {
      throw new Refusal(
        offset,
        `the file has too much structure (more than ${MAX_TOKENS} tokens)`,
        'split it, or remove what is not needed',
      );
    }
    if (kind === '[' || kind === '{') depth++;
    else if (kind === ']' || kind === '}') depth--;
    else if (kind === '\n' || kind === '\r') dashes = 0;
    else if (kind === '-' || kind === '?') dashes++;
    else if (kind === '%')
      throw new Refusal(
        offset,
        'YAML directives (%YAML, %TAG) are not supported',
        'remove the line; the file is read as YAML 1.2',
      );
    const indented = fresh && kind === ' ' && token.length > MAX_INDENT;
    if (depth > MAX_DEPTH || dashes > MAX_DEPTH || indented) {
      throw new Refusal(offset, tooDeep, deepHint);
    }
    fresh = kind === '\n' || kind === '\r';
    // The control tokens of the lexer stand for no text.
    if (kind !== '\u0002' && kind !== '\u0018' && kind !== '\u001f') offset += token.length;
  }
}
