import type { Kept, Target } from '../provider.ts';
import type { ChatEvent, ChatRequest, ChatResponse, Message, Part, ReasoningPart, ToolCallPart } from '../unified.ts';

// What a dialect has to get back unchanged with the next turn and a plain client of the API does not keep: it is collected from
// an answer under the id of the tool call it came with, and put back into the history when the client sends that call again.

/**
 * The request as `dialect` may see it at `target`: what another dialect, model or provider issued is taken out, what was kept
 * of this one's earlier answers is put back.
 */
export function withKept(request: ChatRequest, kept: ReadonlyMap<string, Kept>, dialect: string, target: Target): ChatRequest {
  return { ...request, messages: request.messages.map((message) => restored(message, kept, dialect, target.id)) };
}

function restored(message: Message, kept: ReadonlyMap<string, Kept>, dialect: string, issuer: string): Message {
  if (message.role !== 'assistant') return message;
  const { parts } = message;
  let changed = false;
  const next: Part[] = [];
  // A client that did keep signed reasoning sent all of it: nothing is put in twice.
  const has = parts.some((part) => part.type === 'reasoning' && isSigned(part) && part.dialect === dialect && part.text !== '');
  for (const part of parts) {
    if (part.type === 'reasoning' && isForeign(part, dialect)) changed = true;
    else if (part.type === 'tool_call') {
      const own = kept.get(part.id);
      const mine = own !== undefined && own.dialect === dialect && own.issuer === issuer ? own : undefined;
      if (mine?.reasoning !== undefined && !has) next.push(...mine.reasoning);
      // A signature the client kept may be of a model that was asked before and is not asked now.
      const theirs = own === undefined && !isForeign(part, dialect) ? part.signature : undefined;
      const call = signed(part, mine?.signature ?? theirs, dialect);
      changed ||= call !== part || mine?.reasoning !== undefined;
      next.push(call);
    } else next.push(part);
  }
  return changed ? { ...message, parts: next } : message;
}

function isSigned(part: ReasoningPart): boolean {
  return part.signature !== undefined || part.redacted !== undefined;
}

function isForeign(part: { readonly dialect?: string }, dialect: string): boolean {
  return part.dialect !== undefined && part.dialect !== dialect;
}

function signed(part: ToolCallPart, signature: string | undefined, dialect: string): ToolCallPart {
  if (part.signature === signature) return part;
  const { signature: _signature, dialect: _dialect, extensions: _extensions, ...plain } = part;
  return signature === undefined ? plain : { ...plain, signature, dialect };
}

interface Gathering {
  /** Signed reasoning since the last call, in order. */
  reasoning: ReasoningPart[];
  /** Reasoning whose signature has not come yet. */
  text: string;
  /** Characters of all of it so far. */
  size: number;
}

/** Characters of one choice's reasoning that are kept; the store takes no larger entries, and an upstream decides how much it sends. */
const MAX_REASONING = 262_144;

/** Watches an answer go by, streamed or whole, and notes what has to be kept of it. */
export class KeptCollector {
  readonly #issuer: string;
  readonly #choices = new Map<number, Gathering>();
  readonly #kept: Kept[] = [];

  constructor(target: Target) {
    this.#issuer = target.id;
  }

  get kept(): readonly Kept[] {
    return this.#kept;
  }

  push(event: ChatEvent): void {
    if (event.type === 'reasoning') this.#reasoning(this.#choice(event.choice), event);
    else if (event.type === 'tool_call') this.#call(this.#choice(event.choice), event);
  }

  response(response: ChatResponse): void {
    for (const { index, parts } of response.choices) {
      const choice = this.#choice(index);
      for (const part of parts) {
        if (part.type === 'reasoning') this.#reasoning(choice, part);
        else if (part.type === 'tool_call') this.#call(choice, part);
      }
    }
  }

  #reasoning(choice: Gathering, part: Omit<ReasoningPart, 'type' | 'extensions'>): void {
    const { text, signature, redacted, dialect } = part;
    choice.size += text.length + (signature?.length ?? 0) + (redacted?.length ?? 0);
    if (dialect === undefined) return;
    if (choice.size > MAX_REASONING) {
      // A part of it would be refused upstream.
      choice.reasoning = [];
      return;
    }
    if (redacted !== undefined) {
      choice.reasoning.push({ type: 'reasoning', text, redacted, dialect });
      return;
    }
    choice.text += text;
    if (signature === undefined) return;
    choice.reasoning.push({ type: 'reasoning', text: choice.text, signature, dialect });
    choice.text = '';
  }

  #call(choice: Gathering, call: Pick<ToolCallPart, 'id' | 'signature' | 'dialect'>): void {
    const { reasoning } = choice;
    const dialect = call.dialect ?? reasoning[0]?.dialect;
    if (dialect === undefined || (call.signature === undefined && reasoning.length === 0)) return;
    choice.reasoning = [];
    this.#kept.push({
      id: call.id,
      dialect,
      issuer: this.#issuer,
      ...(call.signature === undefined ? {} : { signature: call.signature }),
      ...(reasoning.length === 0 ? {} : { reasoning }),
    });
  }

  #choice(index: number): Gathering {
    let choice = this.#choices.get(index);
    if (choice === undefined) {
      choice = { reasoning: [], text: '', size: 0 };
      this.#choices.set(index, choice);
    }
    return choice;
  }
}
