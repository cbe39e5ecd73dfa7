import type { CacheHint, Message, Part, ToolResultPart } from '../../unified.ts';
import { isObject, refuse } from '../../wire/json.ts';
import { DIALECT } from '../dialect.ts';
import { encodeMedia, type GeminiPart, type Scene } from './media.ts';
import { encodeModelTurn } from './model-turn.ts';
import type { Piece } from './pieces.ts';
import { encodeResult, isMedia } from './tool-results.ts';

/** A call of the model's last turn, and its result once that is there. */
interface OpenCall {
  readonly id: string;
  readonly name: string;
  readonly message: number;
  result: { readonly part: ToolResultPart; readonly message: number } | null;
}

export interface Conversation {
  /** Texts of all system and developer messages, in order. */
  readonly system: readonly GeminiPart[];
  /** The caller's mark on one of them. */
  readonly systemCache: CacheHint | null;
  /** Never empty. */
  readonly pieces: readonly Piece[];
}

/**
 * The messages as the API wants them: only `user` and `model`, the user first; results of a turn's calls together, right behind
 * it and in the order of the calls, each with the name of its function. Throws `TranslationError` naming the message that has
 * no place: a result without its call, a call without its result, a part that cannot be sent.
 */
export function encodeConversation(messages: readonly Message[], scene: Scene): Conversation {
  const reader = new ConversationReader(scene);
  for (const [position, message] of messages.entries()) reader.read(message, position);
  return reader.done();
}

class ConversationReader {
  readonly #scene: Scene;
  readonly #system: GeminiPart[] = [];
  #systemCache: CacheHint | null = null;
  readonly #pieces: Piece[] = [];
  #calls: OpenCall[] = [];
  /** What the user said between calls and their results. */
  #held: Piece[] = [];

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  read(message: Message, position: number): void {
    if (message.name !== undefined) this.#scene.notes.dropped(`messages[${position}].name`);
    switch (message.role) {
      case 'system':
      case 'developer':
        for (const [at, part] of message.parts.entries()) this.#instruct(part, `messages[${position}].content[${at}]`);
        return;
      case 'user':
        for (const [at, part] of message.parts.entries()) this.#say(part, position, `messages[${position}].content[${at}]`);
        return;
      case 'assistant':
        this.#answer(message, position);
        return;
      case 'tool':
        for (const part of message.parts) if (part.type === 'tool_result') this.#result(part, position);
    }
  }

  done(): Conversation {
    this.#settle();
    const { systemInstruction, prefill } = this.#scene.facts;
    // A model without system instructions reads them as the user's first words, and so does one that is told nothing else.
    const asUser = this.#system.length > 0 && (!systemInstruction || this.#pieces.length === 0);
    const cache = this.#systemCache === null ? {} : { cache: this.#systemCache };
    if (asUser) this.#pieces.unshift({ role: 'user', kind: 'said', parts: this.#system, message: -1, ...cache });
    if (this.#pieces.length === 0) refuse('There has to be at least one message with content.', 'messages');
    // The API wants the user to begin; a space is no word of anybody's.
    if (this.#pieces[0]!.role === 'model')
      this.#pieces.unshift({ role: 'user', kind: 'said', parts: [{ text: ' ' }], message: -1 });
    const last = this.#pieces.at(-1)!;
    if (last.role === 'model' && !prefill) {
      refuse(
        'This model does not continue an assistant message: end the messages with one of role user or tool.',
        `messages[${last.message}]`,
      );
    }
    return asUser
      ? { system: [], systemCache: null, pieces: this.#pieces }
      : { system: this.#system, systemCache: this.#systemCache, pieces: this.#pieces };
  }

  #instruct(part: Part, param: string): void {
    if (part.type !== 'text') refuse('System and developer messages take text only.', param);
    if (part.text !== '') this.#system.push({ text: part.text });
    if (part.cache !== undefined) this.#systemCache = part.cache;
  }

  #say(part: Part, message: number, param: string): void {
    const encoded = this.#userPart(part, param);
    if (encoded === null) return;
    const cache = part.cache === undefined ? {} : { cache: part.cache };
    (this.#calls.length > 0 ? this.#held : this.#pieces).push({
      role: 'user',
      kind: 'said',
      parts: [encoded],
      message,
      ...cache,
    });
  }

  #userPart(part: Part, param: string): GeminiPart | null {
    if (part.type === 'text' || part.type === 'refusal') return part.text === '' ? null : { text: part.text };
    if (isMedia(part)) return encodeMedia(part, this.#scene, param);
    if (part.type === 'foreign' && part.dialect === DIALECT && isObject(part.value)) return { ...part.value };
    return refuse('Content of this type cannot be sent to this provider; send text, images, sound, video or files.', param);
  }

  #answer(message: Message, position: number): void {
    if (this.#calls.some((call) => call.result !== null)) this.#settle();
    const parts = encodeModelTurn(message, position, this.#scene);
    if (parts.length === 0) return;
    if (this.#held.length > 0) this.#settle();
    const cache = message.parts.findLast((part) => part.cache !== undefined)?.cache;
    this.#pieces.push({ role: 'model', kind: 'said', parts, message: position, ...(cache === undefined ? {} : { cache }) });
    for (const part of message.parts) {
      if (part.type === 'tool_call') this.#calls.push({ id: part.id, name: part.name, message: position, result: null });
    }
  }

  /** Some clients send no id, only the name. */
  #result(part: ToolResultPart, message: number): void {
    const call = this.#calls.find(
      (open) => open.result === null && (part.id === '' ? open.name === part.name : open.id === part.id),
    );
    if (call === undefined) {
      refuse(
        'A tool message has to answer a call in the assistant message before it: its tool_call_id is none of those, or answered already.',
        `messages[${message}].tool_call_id`,
      );
    }
    call.result = { part, message };
  }

  /** Ends a turn with calls: their results, then what the user said meanwhile. */
  #settle(): void {
    if (this.#calls.length > 0) {
      const { results, beside } = this.#results();
      this.#pieces.push(results);
      if (beside !== null) this.#pieces.push(beside);
    }
    this.#pieces.push(...this.#held);
    this.#calls = [];
    this.#held = [];
  }

  #results(): { readonly results: Piece; readonly beside: Piece | null } {
    const parts: GeminiPart[] = [];
    const beside: GeminiPart[] = [];
    let message = 0;
    let cache: CacheHint | undefined;
    for (const call of this.#calls) {
      const { result } = call;
      if (result === null) {
        refuse(
          `Every tool call has to be answered by a tool message before the conversation goes on; the call ${JSON.stringify(call.id.slice(0, 64))} is not.`,
          `messages[${call.message}].tool_calls`,
        );
      }
      message = Math.max(message, result.message);
      cache = result.part.cache ?? result.part.content.findLast((part) => part.cache !== undefined)?.cache ?? cache;
      const encoded = encodeResult(result.part, call.name, this.#scene, `messages[${result.message}]`);
      parts.push(encoded.response);
      beside.push(...encoded.beside);
    }
    const results: Piece = { role: 'user', kind: 'results', parts, message, ...(cache === undefined ? {} : { cache }) };
    return { results, beside: beside.length === 0 ? null : { role: 'user', kind: 'said', parts: beside, message } };
  }
}
