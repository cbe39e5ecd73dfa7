import {
  type ChatFront,
  type JsonAnswer,
  type Kept,
  type SseEvent,
  type StreamDecoder,
  type StreamEncoder,
  type StreamTranslator,
  TranslationError,
  type UpstreamFailure,
} from '../provider.ts';
import type { ChatEvent, ChatResponse, Choice, Part, Quantities } from '../unified.ts';
import { guarded, protocolFailure, textOf } from '../wire/json.ts';
import { frameJson } from '../wire/sse.ts';
import { ChatCollector } from './collect.ts';
import type { KeptCollector } from './kept.ts';
import { unfold } from './unfold.ts';

/** Bytes of events collected into one JSON answer at most. */
const MAX_COLLECTED = 64 * 1024 * 1024;

/** What ends a stream of the OpenAI chat dialect. */
const DONE = Buffer.from('data: [DONE]\n\n');

/** A whole answer as stream bytes; the usage chunk is inside them. */
export function answerAsStream(encoder: StreamEncoder, response: ChatResponse): JsonAnswer & { readonly tail: Buffer } {
  const frames = unfold(response).flatMap((event) => encoder.push(event).map((document) => frameJson(document)));
  return { bytes: Buffer.concat(frames), ...readingsOf(response), tail: DONE };
}

/** What the core has to know of a whole answer. */
export function readingsOf(response: ChatResponse): Omit<JsonAnswer, 'bytes'> {
  const characters = response.choices.reduce(
    (sum, choice) => sum + choice.parts.reduce((inner, part) => inner + lengthOf(part), 0),
    0,
  );
  const filtered = response.choices.length > 0 && response.choices.every(isFiltered);
  return { usage: response.usage, model: textOf(response.model), characters, ...(filtered ? { filtered } : {}) };
}

/** Whether a content filter left nothing of an answer but its own words, and what the model thought before. */
function isFiltered({ finishReason, parts }: Choice): boolean {
  if (finishReason !== 'content_filter') return false;
  return parts.every(
    (part) => part.type === 'refusal' || part.type === 'reasoning' || (part.type === 'text' && part.text === ''),
  );
}

function lengthOf(part: Part): number {
  if (part.type === 'tool_call') return part.name.length + part.arguments.length;
  if (part.type === 'audio') return part.transcript?.length ?? 0;
  return part.type === 'text' || part.type === 'refusal' || part.type === 'reasoning' ? part.text.length : 0;
}

/** What both readers of a back dialect's stream have in common: decoding, and the readings taken from the events. */
abstract class EventReader {
  content = false;
  failure: UpstreamFailure | null = null;
  usage: Quantities | null = null;
  model: string | null = null;
  characters = 0;
  /** What the decoder held back until the answer was whole; null before. */
  protected held: readonly ChatEvent[] | null = null;
  readonly #decoder: StreamDecoder;
  readonly #kept: KeptCollector | null;
  /** The model made something: no refusal. */
  #spoke = false;
  #refused = false;
  #finishes = 0;
  /** Of those, by the content filter. */
  #filters = 0;

  constructor(decoder: StreamDecoder, kept: KeptCollector | null) {
    this.#decoder = decoder;
    this.#kept = kept;
  }

  get kept(): readonly Kept[] {
    return this.#kept?.kept ?? [];
  }

  get completed(): boolean {
    return this.#decoder.completed;
  }

  get finished(): boolean {
    return this.#decoder.finished;
  }

  get refusing(): boolean {
    return this.#refused && !this.#spoke;
  }

  get filtered(): boolean {
    return this.held !== null && !this.#spoke && this.#finishes > 0 && this.#finishes === this.#filters;
  }

  end(): void {
    if (this.failure !== null || this.held !== null) return;
    if (this.completed) this.#guard(() => this.#flush());
    else
      this.failure = { ...protocolFailure('The provider ended the stream before the answer was complete.'), reason: 'truncated' };
  }

  /** Decodes one event and hands its parts to `use`; whatever is thrown on the way becomes the failure. */
  protected read(event: SseEvent, use: (event: ChatEvent) => void): void {
    if (this.failure !== null || this.held !== null) return;
    this.#guard(() => {
      for (const one of this.#decoder.push(event)) {
        this.#note(one);
        use(one);
      }
    });
    if (this.finished) this.end();
  }

  #flush(): void {
    this.held = this.#decoder.flush?.() ?? [];
    for (const one of this.held) this.#note(one);
  }

  #guard(work: () => void): void {
    try {
      guarded(work);
    } catch (error) {
      this.failure = (error as TranslationError).failure;
    }
  }

  #note(event: ChatEvent): void {
    this.#kept?.push(event);
    if (event.type === 'refusal') this.#refused = true;
    else if (event.type === 'finish') {
      this.#finishes++;
      if (event.reason === 'content_filter') this.#filters++;
    }
    const before = this.content;
    this.content = false;
    this.#measure(event);
    if (this.content && event.type !== 'refusal') this.#spoke = true;
    this.content ||= before;
  }

  #measure(event: ChatEvent): void {
    if (event.type === 'start') this.model = textOf(event.model);
    else if (event.type === 'usage') this.usage = { ...this.usage, ...event.usage };
    else if (event.type === 'tool_call') {
      this.content = true;
      this.characters += event.name.length;
    } else if (event.type === 'foreign') this.content = true;
    else if (event.type === 'media') {
      this.content = true;
      this.characters += lengthOf(event.part);
    } else if (event.type === 'citation') this.content = true;
    else if (event.type !== 'finish') {
      if (event.text !== '' || (event.type === 'reasoning' && event.redacted !== undefined)) this.content = true;
      this.characters += event.text.length;
    }
  }
}

/** A stream of one dialect turned into a stream of another. */
export class PivotStream extends EventReader implements StreamTranslator {
  readonly #encoder: StreamEncoder;
  /** Usage may come early and often; the client's stream has it once, at the very end. */
  #usageEvent: Extract<ChatEvent, { readonly type: 'usage' }> | null = null;

  constructor(decoder: StreamDecoder, encoder: StreamEncoder, kept: KeptCollector) {
    super(decoder, kept);
    this.#encoder = encoder;
  }

  push(event: SseEvent): Buffer | null {
    const frames: Buffer[] = [];
    this.read(event, (one) => this.#write(one, frames));
    return frames.length === 0 ? null : Buffer.concat(frames);
  }

  tail(): Buffer {
    const frames: Buffer[] = [];
    for (const one of this.held ?? []) this.#write(one, frames);
    if (this.#usageEvent !== null) for (const document of this.#encoder.push(this.#usageEvent)) frames.push(frameJson(document));
    return Buffer.concat([...frames, DONE]);
  }

  #write(event: ChatEvent, frames: Buffer[]): void {
    if (event.type === 'usage') this.#usageEvent = { ...event, usage: { ...this.#usageEvent?.usage, ...event.usage } };
    else for (const document of this.#encoder.push(event)) frames.push(frameJson(document));
  }
}

/** A stream of one dialect collected into a JSON answer of another. */
export class PivotCollector extends EventReader implements StreamTranslator {
  readonly #front: ChatFront;
  readonly #collector = new ChatCollector();
  #size = 0;

  constructor(decoder: StreamDecoder, front: ChatFront, kept: KeptCollector | null = null) {
    super(decoder, kept);
    this.#front = front;
  }

  push(event: SseEvent): null {
    this.#size += event.data.length;
    if (this.#size > MAX_COLLECTED && this.failure === null)
      this.failure = protocolFailure('The answer of the provider is too large.');
    this.read(event, (one) => this.#collector.push(one));
    return null;
  }

  tail(): Buffer {
    return Buffer.alloc(0);
  }

  /** The whole answer. Throws `TranslationError` when the stream failed or ended early. */
  result(): JsonAnswer {
    this.end();
    if (this.failure !== null) throw new TranslationError(this.failure);
    const { document, readings } = guarded(() => {
      for (const one of this.held ?? []) this.#collector.push(one);
      const response = this.#collector.response();
      return { document: JSON.stringify(this.#front.encodeResponse(response)), readings: readingsOf(response) };
    });
    const { usage, model, characters, kept } = this;
    const answer = { bytes: Buffer.from(document), usage, model, characters, kept };
    return readings.filtered === true ? { ...answer, filtered: true } : answer;
  }
}
