import { type SseEvent, type StreamTranslator, TranslationError, type UpstreamFailure } from '../../provider.ts';
import type { Quantities } from '../../unified.ts';
import { isObject, type JsonObject, protocolFailure, textOf } from '../../wire/json.ts';
import { frameEvent } from '../../wire/sse.ts';
import { ChoiceTracker } from '../chat/choice-tracker.ts';
import { isDone, readChunk } from '../chat/chunk.ts';
import { choiceIndex, generatedCharacters, hasContent } from '../chat/measure.ts';
import { findChatUsage, readChatUsage } from '../usage.ts';
import { cutUsage } from './usage-cut.ts';

// Measured (Node 26, one core): 1.1 us per 250-byte chunk, 0.7 of it JSON.parse; 1.8 us where `usage: null` is cut out.

/** Ends every complete chat stream; the SDKs compare for exactly this. */
export const DONE = Buffer.from('data: [DONE]\n\n');

/** A chat completion stream passed on byte for byte, with completion, usage and failure read along the way. */
export class ChatPassthroughStream implements StreamTranslator {
  content = false;
  finished = false;
  failure: UpstreamFailure | null = null;
  usage: Quantities | null = null;
  model: string | null = null;
  characters = 0;
  readonly #showUsage: boolean;
  readonly #secrets: readonly string[];
  readonly #choices = new ChoiceTracker();
  /** An answer ended for another reason than the content filter. */
  #ended = false;

  /** `showUsage`: the client asked for usage, so nothing is cut. `secrets` are kept out of failure messages. */
  constructor(showUsage: boolean, secrets: readonly string[] = []) {
    this.#showUsage = showUsage;
    this.#secrets = secrets;
  }

  get completed(): boolean {
    return this.#choices.completed;
  }

  get filtered(): boolean {
    return this.completed && !this.content && !this.#ended;
  }

  push(event: SseEvent): Buffer | null {
    const { data } = event;
    if (this.failure !== null || this.finished || data.length === 0) return null;
    if (isDone(data)) {
      this.finished = true;
      this.end();
      return null;
    }
    let chunk: JsonObject;
    try {
      chunk = readChunk(event, this.#secrets);
    } catch (error) {
      this.failure =
        error instanceof TranslationError ? error.failure : protocolFailure('The provider sent an unreadable stream event.');
      return null;
    }
    this.#read(chunk);
    if (this.#showUsage) return frameEvent(data);
    if (isObject(chunk.usage) && Array.isArray(chunk.choices) && chunk.choices.length === 0) return null;
    return frameEvent('usage' in chunk ? cutUsage(data, chunk.usage) : data);
  }

  end(): void {
    if (this.failure !== null || this.completed) return;
    const message = this.#choices.started
      ? 'The provider ended the stream before every answer had a finish_reason.'
      : 'The provider ended the stream before any answer.';
    this.failure = { ...protocolFailure(message), reason: 'truncated' };
  }

  tail(): Buffer {
    return DONE;
  }

  #read(chunk: JsonObject): void {
    if (this.model === null) this.model = textOf(chunk.model);
    const usage = findChatUsage(chunk);
    if (usage !== undefined) this.usage = readChatUsage(usage) ?? this.usage;
    if (!Array.isArray(chunk.choices)) return;
    for (const choice of chunk.choices as readonly JsonObject[]) {
      const delta = choice.delta ?? choice.message;
      if (isObject(delta)) {
        if (!this.content) this.content = hasContent(delta);
        this.characters += generatedCharacters(delta);
      }
      const reason = textOf(choice.finish_reason);
      if (reason !== null && reason !== 'content_filter') this.#ended = true;
      this.#choices.see(choiceIndex(choice.index) ?? 0, reason !== null);
    }
  }
}
