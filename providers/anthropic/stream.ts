import type { SseEvent, StreamDecoder } from '../provider.ts';
import type { ChatEvent, FinishReason, Quantities } from '../unified.ts';
import { readEvent } from '../wire/event.ts';
import { isObject, type JsonObject, protocolError, textOf } from '../wire/json.ts';
import { partsOf, type Reading } from './content.ts';
import { embedded } from './failure.ts';
import { type OpenBlock, openBlock } from './open-block.ts';
import { eventsOf } from './part-events.ts';
import { completionId } from './response.ts';
import { finishReason, refusalText } from './stop.ts';
import { UsageReader } from './usage.ts';

/** Blocks that are open at the same time; the API opens one after the other. */
const MAX_OPEN = 64;

/**
 * A streamed message: `message_start`, blocks (`content_block_start`, `_delta`, `_stop`), `message_delta`, `message_stop`, which
 * ends it. Events are told by the `type` in their data, by their name where that is missing; unknown ones are skipped. Throws
 * `TranslationError` for an error event (`overloaded_error` inside a 200), and where a second answer begins inside the first,
 * as relays do that repeat a broken call: what was said already cannot be taken back.
 */
export class MessageStreamDecoder implements StreamDecoder {
  completed = false;
  readonly #secrets: readonly string[];
  readonly #reading: Reading;
  readonly #usage = new UsageReader();
  /** What the beginning said was read: known even when the caller leaves before the end. */
  #begun: Quantities | null = null;
  readonly #open = new Map<number, OpenBlock>();
  #started = false;
  #spoken = false;
  #calls = 0;
  #reason: FinishReason | null = null;
  #refusal: string | null = null;

  constructor(formatTool: string | null, secrets: readonly string[]) {
    this.#reading = { length: 0, formatTool, formatted: false };
    this.#secrets = secrets;
  }

  get finished(): boolean {
    return this.completed;
  }

  push(event: SseEvent): readonly ChatEvent[] {
    const document = readEvent(event, (document) => embedded(document, this.#secrets));
    const events: ChatEvent[] = [];
    switch (textOf(document.type) ?? event.event) {
      case 'message_start':
        this.#start(document.message, events);
        break;
      case 'content_block_start':
        this.#openBlock(document, events);
        break;
      case 'content_block_delta':
        this.#delta(document, events);
        break;
      case 'content_block_stop':
        this.#closeBlock(indexOf(document), events);
        break;
      case 'message_delta':
        if (isObject(document.delta)) this.#ending(document.delta);
        this.#usage.take(document.usage);
        break;
      case 'message_stop':
        this.#stop(events);
        break;
    }
    this.#spoken ||= events.some(({ type }) => type !== 'start' && type !== 'usage');
    return events;
  }

  /** Usually empty; a message that goes on from an earlier one has content from the start. */
  #start(message: unknown, events: ChatEvent[]): void {
    if (!isObject(message)) return;
    if (this.#spoken || this.#open.size > 0) protocolError('The provider began a second answer inside the first.');
    if (!this.#started)
      events.push({ type: 'start', id: completionId(message.id), created: 0, model: textOf(message.model) ?? '' });
    this.#started = true;
    this.#usage.take(message.usage);
    this.#begun = this.#usage.begun();
    if (this.#begun !== null) events.push({ type: 'usage', usage: this.#begun });
    for (const block of Array.isArray(message.content) ? message.content : []) {
      if (!isObject(block)) continue;
      for (const part of partsOf(block, this.#reading)) {
        for (const one of eventsOf(part, this.#calls)) events.push(one);
        if (part.type === 'tool_call') this.#calls++;
      }
    }
    this.#ending(message);
  }

  #openBlock(document: JsonObject, events: ChatEvent[]): void {
    const index = indexOf(document);
    const { content_block: block } = document;
    if (!isObject(block)) protocolError('The provider sent a content block that is not an object.');
    this.#closeBlock(index, events);
    if (this.#open.size >= MAX_OPEN) protocolError('The provider has too many content blocks open at a time.');
    const open = openBlock(block, this.#reading, () => this.#calls++);
    this.#open.set(index, open);
    open.begin(events);
  }

  #delta(document: JsonObject, events: ChatEvent[]): void {
    const index = indexOf(document);
    const { delta } = document;
    if (!isObject(delta)) protocolError('The provider sent a delta that is not an object.');
    let open = this.#open.get(index);
    if (open === undefined) {
      // Relays leave out the start of a text.
      const type = delta.type === 'thinking_delta' ? 'thinking' : delta.type === 'text_delta' ? 'text' : null;
      if (type === null) protocolError('The provider continued a content block that it never began.');
      open = openBlock({ type }, this.#reading, () => this.#calls++);
      this.#open.set(index, open);
    }
    open.delta(delta, events);
  }

  #closeBlock(index: number, events: ChatEvent[]): void {
    this.#open.get(index)?.end(events);
    this.#open.delete(index);
  }

  #ending(message: JsonObject): void {
    const word = textOf(message.stop_reason);
    if (word === null) return;
    this.#reason = finishReason(word, this.#reading.formatted);
    if (word === 'refusal') this.#refusal = refusalText(message.stop_details);
  }

  #stop(events: ChatEvent[]): void {
    for (const index of [...this.#open.keys()]) this.#closeBlock(index, events);
    if (this.#refusal !== null) events.push({ type: 'refusal', choice: 0, text: this.#refusal });
    events.push({ type: 'finish', choice: 0, reason: this.#reason ?? 'stop' });
    const usage = this.#usage.quantities();
    if (usage !== null) {
      const corrected = Object.fromEntries(Object.keys(this.#begun ?? {}).map((kind) => [kind, 0]));
      events.push({ type: 'usage', usage: { ...corrected, ...usage } });
    }
    this.completed = true;
  }
}

function indexOf({ index }: JsonObject): number {
  if (typeof index === 'number' && Number.isSafeInteger(index) && index >= 0) return index;
  return protocolError('The provider sent a content block without a usable index.');
}
