import { type JsonAnswer, type SseEvent, type StreamTranslator, TranslationError, type UpstreamFailure } from '../../provider.ts';
import type { Quantities } from '../../unified.ts';
import { embeddedFailure } from '../../wire/failure.ts';
import { isObject, type JsonObject, parseBody, protocolFailure, textOf } from '../../wire/json.ts';
import { scanMembers } from '../../wire/members.ts';
import { frameEvent, frameJson } from '../../wire/sse.ts';
import { failureOfResponse, readResponse, verifyResponse } from './responses-json.ts';

// Streaming events of the Responses API: every payload has its name in `type`, which the `event:` line repeats, and a
// `sequence_number`; there is no [DONE] (openai-openapi `ResponseStreamEvent`).

const NONE = Buffer.alloc(0);

/** A Responses API stream passed on byte for byte, with completion, usage and failure read along the way. */
export class ResponsesPassthroughStream implements StreamTranslator {
  content = false;
  completed = false;
  finished = false;
  failure: UpstreamFailure | null = null;
  usage: Quantities | null = null;
  model: string | null = null;
  characters = 0;
  filtered = false;
  /** The Response object of the terminal event, as it was sent. */
  protected response: Buffer | null = null;
  protected readonly secrets: readonly string[];

  constructor(secrets: readonly string[] = []) {
    this.secrets = secrets;
  }

  push(event: SseEvent): Buffer | null {
    const { data } = event;
    // Some compatible servers close with [DONE]; this dialect does not have it.
    if (this.failure !== null || this.finished || data.length === 0 || data.subarray(0, 6).toString('latin1') === '[DONE]')
      return null;
    let payload: unknown;
    try {
      payload = JSON.parse(data.toString('utf8'));
    } catch {
      this.failure = protocolFailure('The provider sent a stream event that is not valid JSON.');
      return null;
    }
    if (!isObject(payload)) {
      this.failure =
        embeddedFailure(payload, this.secrets) ?? protocolFailure('The provider sent a stream event that is not a JSON object.');
      return null;
    }
    this.#read(payload, textOf(payload.type) ?? event.event, data);
    return this.failure === null ? frameEvent(data, event.event) : null;
  }

  end(): void {
    if (this.failure !== null || this.completed) return;
    this.failure = { ...protocolFailure('The provider ended the stream before the response was complete.'), reason: 'truncated' };
  }

  tail(): Buffer {
    return NONE;
  }

  #read(payload: JsonObject, type: string, data: Buffer): void {
    const response = isObject(payload.response) ? payload.response : null;
    if (type === 'error' || payload.error) {
      this.failure = embeddedFailure(payload.error ? payload : { error: payload }, this.secrets);
    } else if (type === 'response.failed' || type === 'response.cancelled') {
      this.failure = failureOfResponse({ status: 'failed', ...response }, this.secrets);
    } else if (type === 'response.completed' || type === 'response.incomplete') {
      if (response === null) {
        this.failure = protocolFailure('The provider sent a terminal event without a response.');
        return;
      }
      const { usage, model, characters, filtered = false } = readResponse(response);
      this.filtered = filtered && !this.content;
      this.usage = usage;
      this.model = model ?? this.model;
      this.characters = Math.max(this.characters, characters);
      const member = scanMembers(data, 'allow').findLast(({ key }) => key === 'response');
      if (member !== undefined) this.response = data.subarray(member.valueStart, member.valueEnd);
      this.completed = true;
      this.finished = true;
    } else if (type.endsWith('.delta')) {
      this.content = true;
      if (typeof payload.delta === 'string') this.characters += payload.delta.length;
    } else if (type === 'response.output_item.done') {
      this.content = true;
    } else if (response !== null) {
      this.model ??= textOf(response.model);
    }
  }
}

/** Reads a stream for a caller who wants JSON: the answer is the Response object of the terminal event. */
export class ResponsesCollector extends ResponsesPassthroughStream {
  override push(event: SseEvent): null {
    super.push(event);
    return null;
  }

  result(): JsonAnswer {
    this.end();
    if (this.failure !== null || this.response === null) {
      throw new TranslationError(this.failure ?? protocolFailure('The provider sent no response.'));
    }
    verifyResponse(parseBody(this.response), this.secrets);
    const { usage, model, characters } = this;
    const answer = { bytes: this.response, usage, model, characters };
    return this.filtered ? { ...answer, filtered: true } : answer;
  }
}

/** A JSON answer as the smallest stream that conforms: created, every item added and done, completed. */
export function responsesAsStream(bytes: Buffer, secrets: readonly string[]): JsonAnswer & { readonly tail: Buffer } {
  const response = verifyResponse(parseBody(bytes), secrets);
  const frames: Buffer[] = [];
  let sequence = 0;
  const emit = (type: string, members: JsonObject): void => {
    frames.push(frameJson({ type, sequence_number: sequence++, ...members }, type));
  };
  emit('response.created', { response: { ...response, status: 'in_progress', output: [], usage: null } });
  for (const [index, item] of (response.output as readonly JsonObject[]).entries()) {
    emit('response.output_item.added', {
      output_index: index,
      item: { ...item, ...('status' in item ? { status: 'in_progress' } : {}) },
    });
    emit('response.output_item.done', { output_index: index, item });
  }
  emit(response.status === 'incomplete' ? 'response.incomplete' : 'response.completed', { response });
  return { bytes: Buffer.concat(frames), ...readResponse(response), tail: NONE };
}
