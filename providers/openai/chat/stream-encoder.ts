import type { StreamEncoder } from '../../provider.ts';
import type { ChatEvent } from '../../unified.ts';
import { isObject, type JsonObject } from '../../wire/json.ts';
import { writeChatUsage } from '../usage.ts';
import { SIGNER, signatureOf, writeAudio, writeCitation, writeSignature, writeToolCall } from './assistant.ts';
import { DIALECT, overlay, own } from './carry.ts';
import { finishReason } from './finish.ts';
import { encodePart } from './parts.ts';
import type { Extra } from './response.ts';

/** Members of the document that the API repeats on every chunk; others are sent once. */
const REPEATED: ReadonlySet<string> = new Set(['service_tier', 'system_fingerprint']);

type Document = Record<string, unknown>;
type EventOf<Type extends ChatEvent['type']> = Extract<ChatEvent, { readonly type: Type }>;

interface ChoiceState {
  opened: boolean;
  reasoning: 'reasoning_content' | 'reasoning';
  /** A vendor's own word for the reason, written instead of the unified one. */
  finishReason: unknown;
  /** The signature of the text; the last one counts. */
  signature: string | null;
  /** The signature that went out among other members of its message. */
  signed: string | null;
  /** Numbers of the custom tool calls; their arguments are written differently. */
  readonly custom: Set<number>;
}

/** Unified events as chat completion chunks. With `usage`, chunks carry `usage: null` and the usage event a chunk of its own. */
export class ChatStreamEncoder implements StreamEncoder {
  readonly #usage: boolean;
  readonly #choices = new Map<number, ChoiceState>();
  #base: Document = { id: '', object: 'chat.completion.chunk', created: 0, model: '' };
  /** Members of the document that go out with the next chunk only. */
  #once: Document = {};

  constructor(options: { readonly usage: boolean }) {
    this.#usage = options.usage;
  }

  push(event: ChatEvent): readonly Document[] {
    switch (event.type) {
      case 'start':
        this.#start(event);
        return [];
      case 'text':
        return this.#text(event);
      case 'refusal':
        return this.#delta(event.choice, { content: null }, { refusal: event.text }, event.logprobs);
      case 'reasoning':
        return this.#reasoning(event);
      case 'tool_call':
        if (event.kind === 'custom') this.#state(event.choice).custom.add(event.call);
        return this.#delta(event.choice, { content: null }, { tool_calls: [firstFragment(event)] });
      case 'tool_arguments':
        return this.#delta(event.choice, { content: null }, { tool_calls: [this.#fragment(event)] });
      case 'media':
        return this.#delta(event.choice, { content: null }, mediaDelta(event.part));
      case 'citation':
        return this.#delta(event.choice, { content: null }, { annotations: [writeCitation(event.part)] });
      case 'foreign':
        return event.dialect === DIALECT && isObject(event.value) ? this.#foreign(event.choice, event.value) : [];
      case 'finish': {
        const proof = this.#proof(event.choice);
        const state = this.#state(event.choice);
        const opening = state.opened ? {} : { role: 'assistant', content: null };
        state.opened = true;
        return [
          ...proof,
          this.#chunk([
            { index: event.choice, delta: opening, logprobs: null, finish_reason: state.finishReason ?? event.reason },
          ]),
        ];
      }
      case 'usage':
        if (!this.#usage) return [];
        return [{ ...this.#chunk([]), usage: overlay(writeChatUsage(event.usage), own(event.extensions)) }];
    }
  }

  #start(event: EventOf<'start'>): void {
    const extra = Object.entries(own(event.extensions) ?? {}).filter(
      ([key, value]) => value !== undefined && key !== 'usage' && key !== 'object',
    );
    this.#base = {
      ...this.#base,
      id: event.id,
      created: event.created,
      model: event.model,
      ...Object.fromEntries(extra.filter(([key]) => REPEATED.has(key))),
    };
    this.#once = Object.fromEntries(extra.filter(([key]) => !REPEATED.has(key)));
  }

  /** The API opens a text answer with empty content in a chunk of its own. */
  #text(event: EventOf<'text'>): readonly Document[] {
    const opened = this.#state(event.choice).opened;
    const chunks = opened ? [] : this.#delta(event.choice, { content: '', refusal: null }, {});
    if (event.text === '' && !opened && event.logprobs === undefined) return chunks;
    return [...chunks, ...this.#delta(event.choice, {}, { content: event.text }, event.logprobs)];
  }

  /** Without text it is the signature of the answer's text, which waits for the end. */
  #reasoning(event: EventOf<'reasoning'>): readonly Document[] {
    const { choice, text, signature } = event;
    if (text !== '') return this.#delta(choice, { content: null }, { [this.#state(choice).reasoning]: text });
    if (signature !== undefined && event.dialect === SIGNER) this.#state(choice).signature = signature;
    return [];
  }

  /** A signature goes out once: clients join the texts of deltas, and two signatures would be none. */
  #proof(choice: number): readonly Document[] {
    const { signature, signed } = this.#state(choice);
    return signature === null || signed !== null ? [] : this.#delta(choice, { content: null }, writeSignature(signature));
  }

  #foreign(choice: number, extra: Extra): readonly Document[] {
    const state = this.#state(choice);
    if (isObject(extra.response)) this.#once = { ...this.#once, ...defined(extra.response) };
    if (extra.message !== undefined) state.signed = signatureOf(extra.message) ?? state.signed;
    // Either the stream decoder's note or the residue of a message that spells it so.
    if (extra.message?.reasoning !== undefined && extra.message.reasoning_content === undefined) state.reasoning = 'reasoning';
    const { finish_reason: reason, logprobs, ...members } = defined(extra.choice);
    // What is no reason (false, 0, an object) in a whole answer does not end a stream.
    if (finishReason(reason) !== null) state.finishReason = reason;
    const delta = messageDelta(extra);
    if (Object.keys(delta).length === 0 && Object.keys(members).length === 0 && logprobs === undefined) {
      return Object.keys(this.#once).length > 0 && extra.response !== undefined ? [this.#chunk([])] : [];
    }
    return this.#delta(choice, { content: null }, delta, logprobs, members);
  }

  #delta(choice: number, opening: Document, delta: Document, logprobs?: unknown, members?: Document): readonly Document[] {
    const state = this.#state(choice);
    const first = state.opened ? {} : { role: 'assistant', ...opening };
    state.opened = true;
    return [
      this.#chunk([
        { index: choice, delta: { ...first, ...delta }, logprobs: logprobs ?? null, finish_reason: null, ...members },
      ]),
    ];
  }

  #chunk(choices: readonly Document[]): Document {
    const once = this.#once;
    this.#once = {};
    return { ...this.#base, ...once, choices, ...(this.#usage ? { usage: null } : {}) };
  }

  #fragment(event: EventOf<'tool_arguments'>): Document {
    const custom = this.#state(event.choice).custom.has(event.call);
    return { index: event.call, ...(custom ? { custom: { input: event.text } } : { function: { arguments: event.text } }) };
  }

  #state(choice: number): ChoiceState {
    let state = this.#choices.get(choice);
    if (state === undefined) {
      state = {
        opened: false,
        reasoning: 'reasoning_content',
        finishReason: undefined,
        signature: null,
        signed: null,
        custom: new Set(),
      };
      this.#choices.set(choice, state);
    }
    return state;
  }
}

function firstFragment(event: EventOf<'tool_call'>): Document {
  return { index: event.call, ...writeToolCall({ ...event, arguments: '' }, true) };
}

function mediaDelta(part: EventOf<'media'>['part']): Document {
  return part.type === 'audio' ? { audio: writeAudio(part) } : { images: [encodePart(part)] };
}

/** Members of a message that a delta can carry; those the other events say (`content`, `refusal`, …) are not repeated. */
function messageDelta(extra: Extra): Document {
  const { content: _content, role: _role, refusal: _refusal, tool_calls: _calls, ...rest } = defined(extra.message);
  const { reasoning: _reasoning, reasoning_content: _thought, ...delta } = rest;
  if (typeof extra.call !== 'number' || !isObject(extra.tool_call)) return delta;
  const members = defined(extra.tool_call);
  return Object.keys(members).length === 0 ? delta : { ...delta, tool_calls: [{ index: extra.call, ...members }] };
}

function defined(object: JsonObject | undefined): Document {
  return Object.fromEntries(Object.entries(object ?? {}).filter(([, value]) => value !== undefined));
}
