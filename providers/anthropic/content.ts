import type { CitationPart, Part } from '../unified.ts';
import { isObject, type JsonObject, textOf } from '../wire/json.ts';
import { DIALECT } from './dialect.ts';

/** Sources of one text that are passed on. */
export const MAX_CITATIONS = 1000;

/** How far the answer's text has come, and whose input is text. */
export interface Reading {
  /** Characters of the texts so far. */
  length: number;
  readonly formatTool: string | null;
  /** The answer came as the input of that tool. */
  formatted: boolean;
}

/**
 * A whole content block as parts. What only this dialect knows (its own tools and their results, compactions, whatever comes
 * next) is carried as it is.
 */
export function partsOf(block: JsonObject, reading: Reading): readonly Part[] {
  switch (block.type) {
    case 'text': {
      const text = textOf(block.text) ?? '';
      const start = reading.length;
      reading.length += text.length;
      const cited = Array.isArray(block.citations) ? citationParts(block.citations, start, reading.length) : [];
      return text === '' ? cited : [{ type: 'text', text }, ...cited];
    }
    case 'thinking': {
      const text = textOf(block.thinking) ?? '';
      const signature = textOf(block.signature);
      if (signature !== null) return [{ type: 'reasoning', text, signature, dialect: DIALECT }];
      return text === '' ? [] : [{ type: 'reasoning', text, dialect: DIALECT }];
    }
    case 'redacted_thinking': {
      const data = textOf(block.data);
      return data === null ? [] : [{ type: 'reasoning', text: '', redacted: data, dialect: DIALECT }];
    }
    case 'tool_use': {
      const text = JSON.stringify(block.input ?? {});
      const name = textOf(block.name) ?? '';
      if (name === reading.formatTool) {
        reading.formatted = true;
        reading.length += text.length;
        return [{ type: 'text', text }];
      }
      return [{ type: 'tool_call', kind: 'function', id: textOf(block.id) ?? '', name, arguments: text }];
    }
    default:
      return [{ type: 'foreign', dialect: DIALECT, value: block }];
  }
}

/** Sources with an address, for the stretch of text they are of; those in the caller's own documents have none. */
export function citationParts(citations: readonly unknown[], start: number, end: number): Part[] {
  return citations.slice(0, MAX_CITATIONS).map((citation): Part => {
    const url = isObject(citation) ? (textOf(citation.url) ?? textOf(citation.source)) : null;
    if (!isObject(citation) || url === null) return { type: 'foreign', dialect: DIALECT, value: citation };
    const title = textOf(citation.title);
    const part: CitationPart = { type: 'citation', url, start, end };
    return title === null ? part : { ...part, title };
  });
}
