import type { SseEvent, StreamDecoder } from '../../provider.ts';
import { TranslationError } from '../../provider.ts';
import type { ChatEvent, Quantities } from '../../unified.ts';
import { parseEvent } from '../../wire/event.ts';
import { isObject, type JsonObject, protocolError, protocolFailure, textOf } from '../../wire/json.ts';
import { answerFailure } from '../failure.ts';
import type { SoundFormat } from '../request/sound.ts';
import { CandidateReader } from './candidate.ts';
import { endingOf, reasonName } from './finish.ts';
import { OneCall } from './one-call.ts';
import { readUsage } from './usage.ts';

/** Candidates of one request. */
const MAX_INDEX = 127;

export interface DecoderOptions {
  readonly sound: SoundFormat;
  /** Never shown in a message. */
  readonly secrets: readonly string[];
  /** The client takes one tool call at a time. */
  readonly oneCall?: boolean;
}

/**
 * `GenerateContentResponse` documents as unified events: the events of a stream, or a whole answer as one document. Each is
 * complete in itself; usage counts from the beginning, so the last one holds. The API ends a stream by closing it: it is whole
 * when every candidate has a `finishReason`, or the prompt was blocked.
 */
export class GeminiDecoder implements StreamDecoder {
  finished = false;
  readonly #options: DecoderOptions;
  readonly #oneCall: OneCall | null;
  readonly #candidates = new Map<number, CandidateReader>();
  #started = false;
  #blocked = false;
  #usage: Quantities = {};

  constructor(options: DecoderOptions) {
    this.#options = options;
    this.#oneCall = options.oneCall === true ? new OneCall() : null;
  }

  get completed(): boolean {
    if (this.#blocked) return true;
    if (this.#candidates.size === 0) return false;
    for (const { reason } of this.#candidates.values()) if (reason === null) return false;
    return true;
  }

  push(event: SseEvent): readonly ChatEvent[] {
    if (this.finished || event.data.length === 0) return [];
    // Some gateways in front of the API end a stream as OpenAI does.
    if (event.data.toString('latin1', 0, 6) === '[DONE]') {
      this.finished = true;
      return [];
    }
    return this.read(parseEvent(event));
  }

  /** One document, or an array of them as the API streams without `alt=sse`. Throws `TranslationError`. */
  read(document: unknown): readonly ChatEvent[] {
    const failure = answerFailure(document, this.#options.secrets);
    if (failure !== null) throw new TranslationError(failure);
    const events: ChatEvent[] = [];
    for (const each of Array.isArray(document) ? document : [document]) {
      if (!isObject(each)) protocolError('The provider sent an answer that is not a JSON object.');
      const inner = answerFailure(each, this.#options.secrets);
      if (inner !== null) throw new TranslationError(inner);
      this.#document(each, events);
    }
    return this.#oneCall === null ? events : this.#oneCall.keep(events);
  }

  #document(document: JsonObject, events: ChatEvent[]): void {
    this.#start(document, events);
    const candidates = document.candidates ?? [];
    if (!Array.isArray(candidates)) protocolError('The provider sent "candidates" that are not an array.');
    for (const [position, candidate] of candidates.entries()) {
      if (!isObject(candidate)) protocolError('The provider sent a candidate that is not an object.');
      this.#candidate(candidate, position, events);
    }
    if (candidates.length === 0) this.#feedback(document.promptFeedback ?? document.prompt_feedback, events);
    const usage = readUsage(document.usageMetadata ?? document.usage_metadata);
    if (usage !== null) {
      // What an earlier event counted and this one does not is 0 now.
      const gone = Object.keys(this.#usage).filter((kind) => usage[kind] === undefined);
      this.#usage = { ...usage, ...Object.fromEntries(gone.map((kind) => [kind, 0])) };
      events.push({ type: 'usage', usage: this.#usage });
    }
  }

  #start(document: JsonObject, events: ChatEvent[]): void {
    if (this.#started) return;
    this.#started = true;
    const id = textOf(document.responseId ?? document.response_id);
    const created = Date.parse(textOf(document.createTime ?? document.create_time) ?? '');
    events.push({
      type: 'start',
      id: id === null ? '' : `chatcmpl-${id.slice(0, 128)}`,
      created: Number.isNaN(created) ? 0 : Math.max(0, Math.floor(created / 1000)),
      model: idOf(textOf(document.modelVersion ?? document.model_version) ?? ''),
    });
  }

  #candidate(candidate: JsonObject, position: number, events: ChatEvent[]): void {
    const index = candidate.index ?? position;
    if (typeof index !== 'number' || !Number.isInteger(index) || index < 0 || index > MAX_INDEX) {
      protocolError('The provider sent a candidate with an invalid index.');
    }
    let reader = this.#candidates.get(index);
    if (reader === undefined) {
      reader = new CandidateReader(index, this.#options.sound);
      this.#candidates.set(index, reader);
    }
    reader.read(candidate, events);
    const reason = reasonName(candidate.finishReason ?? candidate.finish_reason);
    if (reason === null) return;
    reader.finish(events);
    reader.reason ??= reason;
    this.#end(reader, index, textOf(candidate.finishMessage ?? candidate.finish_message), events);
  }

  /**
   * A candidate that failed (a malformed call, no image) is no empty answer: it is the provider's failure, which another target
   * may make good, unless some of an answer is there already.
   */
  #end(reader: CandidateReader, choice: number, message: string | null, events: ChatEvent[]): void {
    const reason = reader.reason!;
    const ending = endingOf(reason);
    if (ending !== 'failed') {
      if (ending === 'content_filter' && !reader.answered) refuseChoice(choice, reason, message, 'answer', events);
      events.push({ type: 'finish', choice, reason: ending });
      return;
    }
    if (![...this.#candidates.values()].some((each) => each.answered)) {
      throw new TranslationError({
        ...protocolFailure(`The provider ended the answer before there was one: ${said(reason, message)}`),
        reason: 'server',
        code: reason.toLowerCase(),
      });
    }
    events.push({ type: 'finish', choice, reason: 'stop' });
  }

  /** A prompt that was blocked has no candidates, only the reason. */
  #feedback(feedback: unknown, events: ChatEvent[]): void {
    if (!isObject(feedback)) return;
    const raw = feedback.blockReason ?? feedback.block_reason;
    const reason = typeof raw === 'number' ? `REASON_${raw}` : textOf(raw);
    if (reason === null || this.#blocked) return;
    this.#blocked = true;
    refuseChoice(0, reason.slice(0, 64), textOf(feedback.blockReasonMessage ?? feedback.block_reason_message), 'prompt', events);
    events.push({ type: 'finish', choice: 0, reason: 'content_filter' });
  }
}

function refuseChoice(choice: number, reason: string, message: string | null, what: string, events: ChatEvent[]): void {
  events.push({ type: 'refusal', choice, text: `The provider blocked the ${what}: ${said(reason, message)}` });
}

function said(reason: string, message: string | null): string {
  return message === null ? `${reason}.` : `${reason}. ${message.slice(0, 500)}`;
}

/** Vertex AI gives some versions with their collection. */
function idOf(model: string): string {
  return model.slice(model.lastIndexOf('/') + 1);
}
