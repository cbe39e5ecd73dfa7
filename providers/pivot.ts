import { ChatCollector } from './collect.ts';
import {
  type Call,
  type ChatCodec,
  type JsonAnswer,
  type SseEvent,
  type StreamDecoder,
  type StreamEncoder,
  type StreamTranslator,
  type Translation,
  TranslationError,
  type UpstreamFailure,
  type UpstreamHead,
  type UpstreamRequest,
} from './provider.ts';
import { unfold } from './unfold.ts';
import type { ChatEvent, ChatRequest, ChatResponse, Part, Quantities } from './unified.ts';
import { guarded, parseBody, protocolFailure, textOf } from './wire/json.ts';
import { frameJson } from './wire/sse.ts';

/** Bytes of events collected into one JSON answer at most. */
const MAX_COLLECTED = 64 * 1024 * 1024;

/** What ends a stream of the OpenAI chat dialect. */
const DONE = Buffer.from('data: [DONE]\n\n');

/** How an upstream of the back dialect is addressed and read; the parts of a call that a codec does not know. */
export interface PivotBack {
  readonly codec: ChatCodec;
  /** The call decoded and aimed at the target: the upstream request around what `codec.encodeRequest` makes of it. */
  request(chat: ChatRequest): UpstreamRequest;
  /** A 2xx body, parsed: throws `TranslationError` when it carries an error or is no answer. */
  verify(body: unknown): Readonly<Record<string, unknown>>;
  failure(head: UpstreamHead, bytes: Buffer): UpstreamFailure;
}

/**
 * A translation for a caller of one dialect and a target of another, by way of the unified model. `upstreamModel` is the
 * target's model id. Streams always ask for usage; the client sees it when it asked (`call.streamUsage`). Throws
 * `TranslationError` with reason `invalid_request` for a request that the back dialect cannot say.
 */
export function translateThroughPivot(front: ChatCodec, back: PivotBack, call: Call, upstreamModel: string): Translation {
  const json = call.body.cut === undefined ? call.body.json : (JSON.parse(call.body.bytes.toString()) as Record<string, unknown>);
  const body = Object.fromEntries(Object.entries(json).filter(([key]) => !call.dropped.has(key)));
  const chat: ChatRequest = {
    ...front.decodeRequest(body),
    model: upstreamModel,
    stream: call.stream,
    streamUsage: call.stream,
  };
  const encoder = () => front.encoder({ usage: call.streamUsage });
  return {
    request: back.request(chat),
    json: (bytes) => guarded(() => answerAsJson(front, decodeAnswer(back, bytes))),
    jsonAsStream: (bytes) => guarded(() => answerAsStream(encoder(), decodeAnswer(back, bytes))),
    stream: () => new PivotStream(back.codec.decoder(), encoder()),
    aggregate: () => new PivotCollector(back.codec.decoder(), front),
    failure: (head, bytes) => back.failure(head, bytes),
  };
}

function decodeAnswer(back: PivotBack, bytes: Buffer): ChatResponse {
  return back.codec.decodeResponse(back.verify(parseBody(bytes)));
}

function answerAsJson(front: ChatCodec, response: ChatResponse): JsonAnswer {
  return { bytes: Buffer.from(JSON.stringify(front.encodeResponse(response))), ...readingsOf(response) };
}

/** A whole answer as stream bytes; the usage chunk is inside them. */
export function answerAsStream(encoder: StreamEncoder, response: ChatResponse): JsonAnswer & { readonly tail: Buffer } {
  const frames = unfold(response).flatMap((event) => encoder.push(event).map((document) => frameJson(document)));
  return { bytes: Buffer.concat(frames), ...readingsOf(response), tail: DONE };
}

function readingsOf(response: ChatResponse): Omit<JsonAnswer, 'bytes'> {
  const characters = response.choices.reduce(
    (sum, choice) => sum + choice.parts.reduce((inner, part) => inner + lengthOf(part), 0),
    0,
  );
  return { usage: response.usage, model: textOf(response.model), characters };
}

function lengthOf(part: Part): number {
  if (part.type === 'tool_call') return part.name.length + part.arguments.length;
  return part.type === 'text' || part.type === 'refusal' || part.type === 'reasoning' ? part.text.length : 0;
}

/** What both readers of a back dialect's stream have in common: decoding, and the readings taken from the events. */
abstract class EventReader {
  content = false;
  failure: UpstreamFailure | null = null;
  usage: Quantities | null = null;
  model: string | null = null;
  characters = 0;
  readonly #decoder: StreamDecoder;

  constructor(decoder: StreamDecoder) {
    this.#decoder = decoder;
  }

  get completed(): boolean {
    return this.#decoder.completed;
  }

  get finished(): boolean {
    return this.#decoder.finished;
  }

  end(): void {
    if (this.failure !== null || this.completed) return;
    this.failure = { ...protocolFailure('The provider ended the stream before the answer was complete.'), reason: 'truncated' };
  }

  /** Decodes one event and hands its parts to `use`; whatever is thrown on the way becomes the failure. */
  protected read(event: SseEvent, use: (event: ChatEvent) => void): void {
    if (this.failure !== null || this.finished) return;
    try {
      guarded(() => {
        for (const one of this.#decoder.push(event)) {
          this.#note(one);
          use(one);
        }
      });
    } catch (error) {
      this.failure = (error as TranslationError).failure;
    }
    if (this.finished) this.end();
  }

  #note(event: ChatEvent): void {
    if (event.type === 'start') this.model = textOf(event.model);
    else if (event.type === 'usage') this.usage = { ...this.usage, ...event.usage };
    else if (event.type === 'tool_call') {
      this.content = true;
      this.characters += event.name.length;
    } else if (event.type === 'foreign') this.content = true;
    else if (event.type !== 'finish') {
      if (event.text !== '' || (event.type === 'reasoning' && event.redacted !== undefined)) this.content = true;
      this.characters += event.text.length;
    }
  }
}

/** A stream of one dialect turned into a stream of another. */
class PivotStream extends EventReader implements StreamTranslator {
  readonly #encoder: StreamEncoder;
  /** Usage may come early and often; the client's stream has it once, at the very end. */
  #usageEvent: Extract<ChatEvent, { readonly type: 'usage' }> | null = null;

  constructor(decoder: StreamDecoder, encoder: StreamEncoder) {
    super(decoder);
    this.#encoder = encoder;
  }

  push(event: SseEvent): Buffer | null {
    const frames: Buffer[] = [];
    this.read(event, (one) => {
      if (one.type === 'usage') this.#usageEvent = { ...one, usage: { ...this.#usageEvent?.usage, ...one.usage } };
      else for (const document of this.#encoder.push(one)) frames.push(frameJson(document));
    });
    return frames.length === 0 ? null : Buffer.concat(frames);
  }

  tail(): Buffer {
    if (this.#usageEvent === null) return DONE;
    return Buffer.concat([...this.#encoder.push(this.#usageEvent).map((document) => frameJson(document)), DONE]);
  }
}

/** A stream of one dialect collected into a JSON answer of another. */
export class PivotCollector extends EventReader implements StreamTranslator {
  readonly #front: ChatCodec;
  readonly #collector = new ChatCollector();
  #size = 0;

  constructor(decoder: StreamDecoder, front: ChatCodec) {
    super(decoder);
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
    const document = guarded(() => JSON.stringify(this.#front.encodeResponse(this.#collector.response())));
    const bytes = Buffer.from(document);
    return { bytes, usage: this.usage, model: this.model, characters: this.characters };
  }
}
