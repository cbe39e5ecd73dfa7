import type { CitationPart } from '../../unified.ts';
import { isObject, type JsonObject, textOf } from '../../wire/json.ts';

/** Text of an answer that offsets are looked up in, UTF-16 units; sources of a longer one are named without a place. */
const MAX_TEXT = 1024 * 1024;
/** Sources named for one answer. */
const MAX_CITATIONS = 256;

/**
 * The sources that an answer rests on: `groundingMetadata` of searches and fetched pages, `citationMetadata` of recited text.
 * A stream may repeat them with more in them; each is given once.
 */
export class CitationReader {
  readonly #seen = new Set<string>();
  #text = '';
  /** The answer is longer than `MAX_TEXT`. */
  #lost = false;

  /** Text of the answer, in order. */
  follow(text: string): void {
    if (this.#lost) return;
    this.#text += text;
    if (this.#text.length <= MAX_TEXT) return;
    this.#lost = true;
    this.#text = '';
  }

  /** What a candidate names that was not named before. */
  read(candidate: JsonObject): CitationPart[] {
    const grounding = candidate.groundingMetadata ?? candidate.grounding_metadata;
    const citation = candidate.citationMetadata ?? candidate.citation_metadata;
    const found: CitationPart[] = [];
    if (isObject(grounding)) this.#grounded(grounding, found);
    if (isObject(citation)) this.#recited(citation, found);
    return found;
  }

  #grounded(grounding: JsonObject, found: CitationPart[]): void {
    const chunks = listOf(grounding.groundingChunks ?? grounding.grounding_chunks).map(sourceOf);
    const supports = listOf(grounding.groundingSupports ?? grounding.grounding_supports);
    for (const support of supports) {
      if (!isObject(support)) continue;
      const place = this.#placeOf(support.segment);
      for (const index of listOf(support.groundingChunkIndices ?? support.grounding_chunk_indices)) {
        const source = typeof index === 'number' ? chunks[index] : undefined;
        if (source) this.#add({ ...source, ...place }, found);
      }
    }
    // Pages that no sentence is tied to were read all the same.
    if (supports.length === 0) for (const source of chunks) if (source !== null) this.#add(source, found);
  }

  #recited(citation: JsonObject, found: CitationPart[]): void {
    for (const each of listOf(citation.citations ?? citation.citationSources ?? citation.citation_sources)) {
      const url = isObject(each) ? textOf(each.uri) : null;
      if (url === null || !isObject(each)) continue;
      const title = textOf(each.title);
      this.#add({ type: 'citation', url, ...(title === null ? {} : { title }), ...this.#placeOf(each) }, found);
    }
  }

  #add(part: CitationPart, found: CitationPart[]): void {
    const key = JSON.stringify([part.url, part.start, part.end]);
    if (this.#seen.has(key) || this.#seen.size >= MAX_CITATIONS) return;
    this.#seen.add(key);
    found.push(part);
  }

  /**
   * `startIndex` and `endIndex` count bytes of UTF-8 (recorded; also the REST reference, `Segment`), a citation counts
   * characters. Where the text there is not the one named, the text itself is looked for.
   */
  #placeOf(segment: unknown): { readonly start?: number; readonly end?: number } {
    if (!isObject(segment) || this.#lost) return {};
    const from = segment.startIndex ?? segment.start_index ?? 0;
    const to = segment.endIndex ?? segment.end_index;
    const named = textOf(segment.text);
    if (typeof from === 'number' && typeof to === 'number' && from >= 0 && to >= from) {
      const bytes = Buffer.from(this.#text);
      const start = bytes.toString('utf8', 0, from);
      const text = bytes.toString('utf8', from, to);
      if (to <= bytes.length && (named === null || named === text))
        return { start: lengthOf(start), end: lengthOf(start) + lengthOf(text) };
    }
    const at = named === null ? -1 : this.#text.indexOf(named);
    if (named === null || at === -1) return {};
    const start = lengthOf(this.#text.slice(0, at));
    return { start, end: start + lengthOf(named) };
  }
}

/** Characters as every language but this one counts them: code points. */
function lengthOf(text: string): number {
  let length = 0;
  for (const _ of text) length++;
  return length;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value.slice(0, MAX_CITATIONS) : [];
}

/** A page, a place on a map or a document; null for one that has no address. */
function sourceOf(chunk: unknown): CitationPart | null {
  if (!isObject(chunk)) return null;
  const source = [chunk.web, chunk.maps, chunk.retrievedContext ?? chunk.retrieved_context, chunk.image].find(isObject);
  if (source === undefined) return null;
  const url = textOf(source.uri) ?? textOf(source.sourceUri);
  const title = textOf(source.title);
  return url === null ? null : { type: 'citation', url, ...(title === null ? {} : { title }) };
}
