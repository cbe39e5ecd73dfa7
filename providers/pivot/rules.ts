import type { SseEvent, StreamDecoder, TranslationContext } from '../provider.ts';
import type { ChatEvent, ChatResponse, Choice, FinishReason, Part, ToolCallPart } from '../unified.ts';
import { protocolError } from '../wire/json.ts';

type EventOf<Type extends ChatEvent['type']> = Extract<ChatEvent, { readonly type: Type }>;

/** Longest tool-call id that every provider takes back (BerriAI/litellm#17343: "maximum length 40"). */
const MAX_ID = 40;
const ID = /^[A-Za-z0-9_-]+$/;
/** More choices or calls than any request can ask for. */
const MAX_CHOICES = 128;
const MAX_CALLS = 1024;

interface OpenCall {
  readonly number: number;
  readonly kind: 'function' | 'custom';
  empty: boolean;
}

interface OpenChoice {
  /** By the number the decoder uses. */
  readonly calls: Map<number, OpenCall>;
  reason: FinishReason | null;
}

/** Ids of one answer's tool calls: each usable with every provider, none twice. */
class CallIds {
  readonly #given = new Set<string>();
  readonly #context: TranslationContext;

  constructor(context: TranslationContext) {
    this.#context = context;
  }

  /** The upstream's own id where it can be used. */
  take(id: string): string {
    const usable = id.length > 0 && id.length <= MAX_ID && ID.test(id) && !this.#given.has(id);
    const taken = usable ? id : this.#context.id('call_');
    this.#given.add(taken);
    return taken;
  }
}

/** A finish reason in the light of what was answered: a turn with calls ended because of them. */
function reasonWith(reason: FinishReason, calls: number): FinishReason {
  return reason === 'stop' && calls > 0 ? 'tool_calls' : reason;
}

/**
 * The rules that every translated stream keeps, whatever its dialect sends: one `start` ahead of everything; tool calls of a
 * choice numbered 0..n as they appear, however interleaved, with ids that are unique and usable everywhere; arguments that are
 * JSON text (`{}` for none); `finish` once per choice, after everything else of the answer, `tool_calls` when there was a call.
 * What follows a finish is still delivered. Throws `TranslationError` for arguments of a call that was never opened.
 */
export class RuledDecoder implements StreamDecoder {
  readonly #decoder: StreamDecoder;
  readonly #context: TranslationContext;
  readonly #model: string;
  readonly #ids: CallIds;
  readonly #choices = new Map<number, OpenChoice>();
  #started = false;

  /** `model`: said to have answered when the upstream does not say. */
  constructor(decoder: StreamDecoder, context: TranslationContext, model: string) {
    this.#decoder = decoder;
    this.#context = context;
    this.#model = model;
    this.#ids = new CallIds(context);
  }

  get completed(): boolean {
    return this.#decoder.completed;
  }

  get finished(): boolean {
    return this.#decoder.finished;
  }

  push(event: SseEvent): readonly ChatEvent[] {
    const events: ChatEvent[] = [];
    for (const one of this.#decoder.push(event)) this.#take(one, events);
    return events;
  }

  flush(): readonly ChatEvent[] {
    const events: ChatEvent[] = [];
    for (const one of this.#decoder.flush?.() ?? []) this.#take(one, events);
    for (const [choice, { calls, reason }] of this.#choices) {
      for (const call of calls.values()) {
        if (call.empty && call.kind === 'function')
          events.push({ type: 'tool_arguments', choice, call: call.number, text: '{}' });
      }
      events.push({ type: 'finish', choice, reason: reasonWith(reason ?? 'stop', calls.size) });
    }
    return events;
  }

  #take(event: ChatEvent, events: ChatEvent[]): void {
    switch (event.type) {
      case 'start':
        if (!this.#started) this.#start(event, events);
        return;
      case 'usage':
        events.push(event);
        return;
      case 'finish':
        this.#choice(event.choice, events).reason ??= event.reason;
        return;
      case 'tool_call':
        this.#open(event, events);
        return;
      case 'tool_arguments':
        this.#arguments(event, events);
        return;
      default:
        this.#choice(event.choice, events);
        events.push(event);
    }
  }

  #start(event: Partial<EventOf<'start'>>, events: ChatEvent[]): void {
    this.#started = true;
    events.push({
      type: 'start',
      id: event.id || this.#context.id('chatcmpl-'),
      created: event.created || Math.floor(this.#context.now() / 1000),
      model: event.model || this.#model,
      ...(event.extensions === undefined ? {} : { extensions: event.extensions }),
    });
  }

  #open(event: EventOf<'tool_call'>, events: ChatEvent[]): void {
    const { calls } = this.#choice(event.choice, events);
    if (calls.has(event.call) || calls.size >= MAX_CALLS) protocolError('The provider sent a tool call that cannot be followed.');
    const call: OpenCall = { number: calls.size, kind: event.kind, empty: true };
    calls.set(event.call, call);
    events.push({ ...event, call: call.number, id: this.#ids.take(event.id) });
  }

  #arguments(event: EventOf<'tool_arguments'>, events: ChatEvent[]): void {
    if (event.text === '') return;
    const call = this.#choice(event.choice, events).calls.get(event.call);
    if (call === undefined) protocolError('The provider sent arguments of a tool call that it never named.');
    call.empty = false;
    events.push({ ...event, call: call.number });
  }

  #choice(index: number, events: ChatEvent[]): OpenChoice {
    if (!this.#started) this.#start({}, events);
    let choice = this.#choices.get(index);
    if (choice === undefined) {
      if (this.#choices.size >= MAX_CHOICES) protocolError('The provider sent more answers than can be asked for.');
      choice = { calls: new Map(), reason: null };
      this.#choices.set(index, choice);
    }
    return choice;
  }
}

/** The same rules for an answer that came whole. */
export function ruledResponse(response: ChatResponse, context: TranslationContext, model: string): ChatResponse {
  const ids = new CallIds(context);
  return {
    ...response,
    id: response.id || context.id('chatcmpl-'),
    created: response.created || Math.floor(context.now() / 1000),
    model: response.model || model,
    choices: response.choices.map((choice) => ruledChoice(choice, ids)),
  };
}

function ruledChoice(choice: Choice, ids: CallIds): Choice {
  let calls = 0;
  const parts = choice.parts.map((part): Part => {
    if (part.type !== 'tool_call') return part;
    calls++;
    return ruledCall(part, ids);
  });
  return { ...choice, parts, finishReason: reasonWith(choice.finishReason ?? 'stop', calls) };
}

function ruledCall(part: ToolCallPart, ids: CallIds): ToolCallPart {
  const text = part.arguments === '' && part.kind === 'function' ? '{}' : part.arguments;
  return { ...part, id: ids.take(part.id), arguments: text };
}
