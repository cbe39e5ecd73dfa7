import type { CitationPart } from '../../unified.ts';
import { isObject, type JsonObject, textOf } from '../../wire/json.ts';

/** Text of an answer that offsets are looked up in, UTF-16 units; sources of a longer one are named without a place. */
const MAX_TEXT = 1024 * 1024;
/** Sources named for one answer. */
const MAX_CITATIONS = 256;
/** UTF-16 units between two places of the text that are known by their bytes. */
const STEP = 512;
/** Products of lengths that may be searched through for one answer: the worst case of a search for a text in another. */
const MAX_SEARCH = 50_000_000;

/** A place in the text, counted in three ways. */
interface Place {
  readonly byte: number;
  readonly unit: number;
  /** Code points. */
  readonly point: number;
}
const BEGINNING: Place = { byte: 0, unit: 0, point: 0 };

/**
 * The sources that an answer rests on: `groundingMetadata` of searches and fetched pages, `citationMetadata` of recited text.
 * A stream may repeat them with more in them; each is given once.
 */
export class CitationReader {
  readonly #seen = new Set<string>();
  #text = '';
  /** Every `STEP` units or sooner, ascending: 256 places in 1 MB took 2.4 s when each was counted from the beginning. */
  readonly #places: Place[] = [BEGINNING];
  #end = BEGINNING;
  #search = MAX_SEARCH;
  /** The answer is longer than `MAX_TEXT`. */
  #lost = false;

  /** Text of the answer, in order. */
  follow(text: string): void {
    if (this.#lost) return;
    this.#text += text;
    if (this.#text.length > MAX_TEXT) {
      this.#lost = true;
      this.#text = '';
      this.#places.length = 1;
      return;
    }
    for (let at = 0; at < text.length; ) {
      // Both halves of a character stay together.
      const next = at + STEP + (text.codePointAt(at + STEP - 1)! > 0xffff ? 1 : 0);
      this.#end = after(this.#end, text.slice(at, next));
      at = next;
      if (this.#end.unit - this.#places.at(-1)!.unit >= STEP) this.#places.push(this.#end);
    }
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
    if (typeof from === 'number' && typeof to === 'number' && from >= 0 && to >= from && to <= this.#end.byte) {
      const start = this.#atByte(from);
      const end = this.#atByte(to);
      const fits = named === null || (named.length === end.unit - start.unit && this.#text.startsWith(named, start.unit));
      if (fits) return { start: start.point, end: end.point };
    }
    if (named === null || named.length * this.#text.length > this.#search) return {};
    this.#search -= named.length * this.#text.length;
    const at = this.#text.indexOf(named);
    if (at === -1) return {};
    const start = this.#atUnit(at);
    return { start, end: start + lengthOf(named) };
  }

  /** The place that many bytes from the beginning; inside a character, the one before it. */
  #atByte(byte: number): Place {
    let { byte: bytes, unit, point } = this.#before((place) => place.byte <= byte);
    while (unit < this.#text.length) {
      const code = this.#text.codePointAt(unit)!;
      bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
      if (bytes > byte) break;
      unit += code > 0xffff ? 2 : 1;
      point++;
    }
    return { byte, unit, point };
  }

  /** Code points ahead of that unit. */
  #atUnit(unit: number): number {
    const place = this.#before((each) => each.unit <= unit);
    return place.point + lengthOf(this.#text.slice(place.unit, unit));
  }

  /** The last known place that is not too far: they are in order. */
  #before(fits: (place: Place) => boolean): Place {
    let low = 0;
    let high = this.#places.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (fits(this.#places[middle]!)) low = middle;
      else high = middle - 1;
    }
    return this.#places[low]!;
  }
}

function after({ byte, unit, point }: Place, text: string): Place {
  return { byte: byte + Buffer.byteLength(text), unit: unit + text.length, point: point + lengthOf(text) };
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
