import type { ChatEvent } from '../../unified.ts';
import { isObject, type JsonObject, protocolError, textOf } from '../../wire/json.ts';
import { DIALECT } from '../dialect.ts';
import type { SoundFormat } from '../request/sound.ts';
import { CitationReader } from './citations.ts';
import { readLogprobs } from './logprobs.ts';
import { PartialArguments } from './partial-arguments.ts';
import { SoundReader } from './sound.ts';

/** A function call that comes in pieces. */
interface OpenCall {
  readonly call: number;
  readonly pieces: PartialArguments;
}

/** Reads what one candidate says, event by event. */
export class CandidateReader {
  /** There is something of an answer: text, a call, a medium; thoughts alone are none. */
  answered = false;
  /** Why it ended, by the API's name; null while it goes on. */
  reason: string | null = null;
  readonly #choice: number;
  readonly #sound: SoundReader;
  readonly #citations = new CitationReader();
  #calls = 0;
  #open: OpenCall | null = null;

  constructor(choice: number, sound: SoundFormat) {
    this.#choice = choice;
    this.#sound = new SoundReader(sound);
  }

  /** Everything but the end. Throws `TranslationError` for what cannot be a part. */
  read(candidate: JsonObject, events: ChatEvent[]): void {
    const content = isObject(candidate.content) ? candidate.content : null;
    const parts = content !== null && Array.isArray(content.parts) ? content.parts : [];
    let logprobs: unknown = readLogprobs(candidate.logprobsResult ?? candidate.logprobs_result) ?? undefined;
    for (const part of parts) {
      if (!isObject(part)) protocolError('The provider sent a part of an answer that is not an object.');
      if (typeof part.text === 'string') {
        if (this.#text(part, part.text, logprobs, events)) logprobs = undefined;
      } else this.#other(part, events);
    }
    if (logprobs !== undefined) events.push({ type: 'text', choice: this.#choice, text: '', logprobs });
    for (const part of this.#citations.read(candidate)) events.push({ type: 'citation', choice: this.#choice, part });
  }

  /** What was held back until the end. */
  finish(events: ChatEvent[]): void {
    this.#close(events);
    const part = this.#sound.finish();
    if (part !== null) events.push({ type: 'media', choice: this.#choice, part });
  }

  /** Whether the log probabilities of the event went with it. */
  #text(part: JsonObject, text: string, logprobs: unknown, events: ChatEvent[]): boolean {
    const choice = this.#choice;
    const signature = signatureOf(part);
    if (part.thought === true) {
      if (signature !== null) events.push({ type: 'reasoning', choice, text, signature, dialect: DIALECT });
      else if (text !== '') events.push({ type: 'reasoning', choice, text });
      return false;
    }
    if (text !== '') {
      this.answered = true;
      this.#citations.follow(text);
      events.push({ type: 'text', choice, text, ...(logprobs === undefined ? {} : { logprobs }) });
    }
    // The signature of a text comes on its part or, at the end of a stream, on an empty one.
    if (signature !== null) events.push({ type: 'reasoning', choice, text: '', signature, dialect: DIALECT });
    return text !== '';
  }

  #other(part: JsonObject, events: ChatEvent[]): void {
    const call = part.functionCall ?? part.function_call;
    if (isObject(call)) {
      this.#call(call, signatureOf(part), events);
      return;
    }
    const blob = part.inlineData ?? part.inline_data;
    if (isObject(blob) && part.thought !== true && this.#medium(blob, events)) return;
    if (Object.keys(part).every((key) => key === 'thought' || key === 'thoughtSignature' || key === 'thought_signature')) {
      const signature = signatureOf(part);
      if (signature !== null) events.push({ type: 'reasoning', choice: this.#choice, text: '', signature, dialect: DIALECT });
      return;
    }
    // Code that the provider ran and searches it made: nothing of the API of the client, kept for those who know it.
    if (part.thought !== true) this.answered = true;
    events.push({ type: 'foreign', choice: this.#choice, dialect: DIALECT, value: part });
  }

  /** False for a type that has no place in an answer. */
  #medium(blob: JsonObject, events: ChatEvent[]): boolean {
    const mediaType = textOf(blob.mimeType ?? blob.mime_type) ?? '';
    const { data } = blob;
    if (typeof data !== 'string') return false;
    if (/^image\//i.test(mediaType)) {
      events.push({ type: 'media', choice: this.#choice, part: { type: 'image', source: { kind: 'data', mediaType, data } } });
    } else if (/^audio\//i.test(mediaType)) {
      const part = this.#sound.take(mediaType, data);
      if (part !== null) events.push({ type: 'media', choice: this.#choice, part });
    } else return false;
    this.answered = true;
    return true;
  }

  #call(raw: JsonObject, signature: string | null, events: ChatEvent[]): void {
    const name = textOf(raw.name);
    const pieces = raw.partialArgs ?? raw.partial_args;
    const continues = (raw.willContinue ?? raw.will_continue) === true;
    if (name !== null) {
      this.#close(events);
      const call = this.#calls++;
      this.answered = true;
      events.push({
        type: 'tool_call',
        choice: this.#choice,
        call,
        kind: 'function',
        id: textOf(raw.id) ?? '',
        name,
        ...(signature === null ? {} : { signature, dialect: DIALECT }),
      });
      if (!continues && pieces === undefined) {
        events.push({ type: 'tool_arguments', choice: this.#choice, call, text: argumentsText(raw.args) });
        return;
      }
      this.#open = { call, pieces: new PartialArguments() };
    }
    if (this.#open === null) protocolError('The provider sent a function call without a name.');
    for (const piece of Array.isArray(pieces) ? pieces : []) this.#open.pieces.add(piece);
    if (!continues) this.#close(events);
  }

  /** The arguments of a call that came in pieces, once they are all there. */
  #close(events: ChatEvent[]): void {
    if (this.#open === null) return;
    const { call, pieces } = this.#open;
    this.#open = null;
    events.push({ type: 'tool_arguments', choice: this.#choice, call, text: pieces.text() });
  }
}

function argumentsText(args: unknown): string {
  if (typeof args === 'string') return args;
  return args === undefined || args === null ? '{}' : JSON.stringify(args);
}

function signatureOf(part: JsonObject): string | null {
  return textOf(part.thoughtSignature ?? part.thought_signature);
}
