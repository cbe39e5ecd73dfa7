import { isDeepStrictEqual } from 'node:util';
import type { SseEvent, StreamDecoder } from '../../provider.ts';
import type { ChatEvent } from '../../unified.ts';
import { isObject, type JsonObject, textOf } from '../../wire/json.ts';
import { findChatUsage, readChatUsage, writeChatUsage } from '../usage.ts';
import { DIALECT, residue } from './carry.ts';
import { ChoiceTracker } from './choice-tracker.ts';
import { isDone, readChunk } from './chunk.ts';
import { finishReason } from './finish.ts';
import { choiceIndex } from './measure.ts';
import type { Extra } from './response.ts';
import { ToolCallAssembler } from './tool-call-assembler.ts';

/** Members of a chunk that the events say themselves. `obfuscation` is padding (openai-openapi) and has no meaning. */
const CHUNK_MEMBERS: ReadonlySet<string> = new Set(['id', 'object', 'created', 'model', 'choices', 'usage', 'obfuscation']);
const DELTA_MEMBERS: ReadonlySet<string> = new Set([
  'role',
  'content',
  'refusal',
  'tool_calls',
  'reasoning_content',
  'reasoning',
]);
const CHOICE_MEMBERS: ReadonlySet<string> = new Set(['index', 'delta', 'message', 'finish_reason', 'logprobs']);

interface ChoiceState {
  /** Its content is text, even if empty. */
  text: boolean;
  reasoning: boolean;
  readonly calls: ToolCallAssembler;
}

/** A chat completion stream as unified events. */
export class ChatStreamDecoder implements StreamDecoder {
  finished = false;
  readonly #tracker = new ChoiceTracker();
  readonly #choices = new Map<number, ChoiceState>();
  /** Members of the document seen so far, to tell news from repetition. */
  #document: Record<string, unknown> = {};
  #started = false;

  get completed(): boolean {
    return this.#tracker.completed;
  }

  push(event: SseEvent): readonly ChatEvent[] {
    if (this.finished || event.data.length === 0) return [];
    if (isDone(event.data)) {
      this.finished = true;
      return [];
    }
    const chunk = readChunk(event, []);
    const events: ChatEvent[] = [];
    const choices = Array.isArray(chunk.choices) ? (chunk.choices as readonly JsonObject[]) : [];
    this.#readDocument(chunk, choices.length > 0, events);
    for (const choice of choices) this.#readChoice(choice, events);
    const raw = findChatUsage(chunk);
    const usage = readChatUsage(raw);
    if (usage !== null) {
      const extra = residue(raw as JsonObject, writeChatUsage(usage));
      events.push({ type: 'usage', usage, ...(Object.keys(extra).length === 0 ? {} : { extensions: { [DIALECT]: extra } }) });
    }
    return events;
  }

  #readDocument(chunk: JsonObject, hasChoices: boolean, events: ChatEvent[]): void {
    const news: [string, unknown][] = [];
    for (const [key, value] of Object.entries(chunk)) {
      if (CHUNK_MEMBERS.has(key) || (Object.hasOwn(this.#document, key) && isDeepStrictEqual(this.#document[key], value)))
        continue;
      news.push([key, value]);
    }
    this.#document = { ...this.#document, ...Object.fromEntries(news) };
    if (this.#started) {
      if (news.length > 0) events.push(foreign(0, { response: Object.fromEntries(news) }));
      return;
    }
    // Azure opens with a chunk that has neither id nor choices; the first one with choices names the answer.
    if (!hasChoices) return;
    this.#started = true;
    events.push({
      type: 'start',
      id: typeof chunk.id === 'string' ? chunk.id : '',
      created: typeof chunk.created === 'number' ? chunk.created : 0,
      model: typeof chunk.model === 'string' ? chunk.model : '',
      extensions: { [DIALECT]: { ...this.#document } },
    });
  }

  #readChoice(raw: JsonObject, events: ChatEvent[]): void {
    const choice = choiceIndex(raw.index) ?? 0;
    let state = this.#choices.get(choice);
    if (state === undefined) {
      state = { text: false, reasoning: false, calls: new ToolCallAssembler(choice) };
      this.#choices.set(choice, state);
    }
    let logprobs: unknown = raw.logprobs ?? undefined;
    const delta = raw.delta ?? raw.message;
    if (isObject(delta)) logprobs = this.#readDelta(choice, delta, state, logprobs, events);
    const extra = unknownMembers(raw, CHOICE_MEMBERS);
    if (logprobs !== undefined) extra.logprobs = logprobs;
    const reason = finishReason(raw.finish_reason);
    if (reason !== null && raw.finish_reason !== reason) extra.finish_reason = raw.finish_reason;
    if (Object.keys(extra).length > 0) events.push(foreign(choice, { choice: extra }));
    this.#tracker.see(choice, reason !== null);
    if (reason === null) return;
    state.calls.flush(events);
    events.push({ type: 'finish', choice, reason });
  }

  /** Returns the log probabilities that no event has taken. */
  #readDelta(choice: number, delta: JsonObject, state: ChoiceState, logprobs: unknown, events: ChatEvent[]): unknown {
    let left = logprobs;
    const take = (): { readonly logprobs?: unknown } => {
      const taken = left === undefined ? {} : { logprobs: left };
      left = undefined;
      return taken;
    };
    const spelt = textOf(delta.reasoning_content) === null ? 'reasoning' : 'reasoning_content';
    const reasoning = textOf(delta[spelt]);
    if (reasoning !== null) {
      if (!state.reasoning && spelt === 'reasoning') events.push(foreign(choice, { message: { reasoning: true } }));
      state.reasoning = true;
      events.push({ type: 'reasoning', choice, text: reasoning });
    }
    // An empty first text says that the content is text; later ones matter only for the tokens they stand for.
    if (typeof delta.content === 'string' && (delta.content !== '' || !state.text || left !== undefined)) {
      state.text = true;
      events.push({ type: 'text', choice, text: delta.content, ...take() });
    } else if (Array.isArray(delta.content)) {
      for (const part of delta.content) readContentPart(choice, part, events);
    }
    const refusal = textOf(delta.refusal);
    if (refusal !== null) events.push({ type: 'refusal', choice, text: refusal, ...take() });
    if (Array.isArray(delta.tool_calls)) for (const fragment of delta.tool_calls) state.calls.read(fragment, events);
    const extra = unknownMembers(delta, DELTA_MEMBERS);
    if (Object.keys(extra).length > 0) events.push(foreign(choice, { message: extra }));
    return left;
  }
}

/** Mistral's reasoning models stream `content` as parts: `{type:"thinking",thinking:[{type:"text",text}]}` and `{type:"text",text}`. */
function readContentPart(choice: number, part: unknown, events: ChatEvent[]): void {
  if (!isObject(part)) return;
  if (Array.isArray(part.thinking)) {
    for (const inner of part.thinking) {
      const text = isObject(inner) ? textOf(inner.text) : null;
      if (text !== null) events.push({ type: 'reasoning', choice, text });
    }
    return;
  }
  const text = textOf(part.text);
  if (text !== null) events.push({ type: 'text', choice, text });
}

function unknownMembers(object: JsonObject, known: ReadonlySet<string>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([key, value]) => !known.has(key) && value !== null));
}

function foreign(choice: number, value: Extra): ChatEvent {
  return { type: 'foreign', choice, dialect: DIALECT, value };
}
