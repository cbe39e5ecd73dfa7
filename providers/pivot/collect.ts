import type { AudioPart, ChatEvent, ChatResponse, Choice, Extensions, FinishReason, Part, Quantities } from '../unified.ts';

type Draft<T> = { -readonly [K in keyof T]: T[K] };

interface OpenChoice {
  readonly parts: Draft<Part>[];
  /** Position in `parts` of each tool call by its number. */
  readonly calls: Map<number, number>;
  /** Pieces of the spoken answer, which is the part at this position. */
  readonly sound: { at: number; readonly pieces: Buffer[] };
  reason: FinishReason | null;
  logprobs: unknown;
}

/**
 * Adds streamed events up to the answer they make, dialect-neutral: texts of one kind join, a `foreign` event becomes a foreign
 * part, extensions of a usage event go under `usage` in the answer's extension of that dialect.
 */
export class ChatCollector {
  #start: Extract<ChatEvent, { readonly type: 'start' }> | null = null;
  #usage: Quantities | null = null;
  #extensions: Record<string, Readonly<Record<string, unknown>>> = {};
  readonly #choices = new Map<number, OpenChoice>();

  push(event: ChatEvent): void {
    switch (event.type) {
      case 'start':
        this.#start ??= event;
        this.#extensions = { ...event.extensions, ...this.#extensions };
        return;
      case 'usage':
        this.#usage = { ...this.#usage, ...event.usage };
        for (const [dialect, usage] of Object.entries(event.extensions ?? {})) {
          this.#extensions[dialect] = { ...this.#extensions[dialect], usage };
        }
        return;
      case 'finish':
        this.#choice(event.choice).reason = event.reason;
        return;
      default:
        this.#content(this.#choice(event.choice), event);
    }
  }

  /** Choices in the order of their indexes. */
  response(): ChatResponse {
    const choices = [...this.#choices].sort(([a], [b]) => a - b).map(([index, choice]) => finished(index, choice));
    const { id = '', created = 0, model = '' } = this.#start ?? {};
    return { id, created, model, choices, usage: this.#usage, extensions: this.#extensions as Extensions };
  }

  #content(choice: OpenChoice, event: Exclude<ChatEvent, { readonly type: 'start' | 'usage' | 'finish' }>): void {
    const { parts, calls } = choice;
    const last = parts.at(-1);
    switch (event.type) {
      case 'text':
      case 'refusal':
        choice.logprobs = joinLogprobs(choice.logprobs, event.logprobs);
        if (last?.type === event.type) last.text += event.text;
        else parts.push({ type: event.type, text: event.text });
        return;
      case 'reasoning': {
        const { type, text, signature, redacted, dialect } = event;
        const proof = {
          ...(signature === undefined ? {} : { signature }),
          ...(redacted === undefined ? {} : { redacted }),
          ...(dialect === undefined ? {} : { dialect }),
        };
        // A signature closes the block it belongs to; text after it begins another.
        if (last?.type === 'reasoning' && last.signature === undefined && last.redacted === undefined && redacted === undefined) {
          last.text += text;
          Object.assign(last, proof);
        } else parts.push({ type, text, ...proof });
        return;
      }
      case 'tool_call': {
        const { choice: _choice, call, ...named } = event;
        calls.set(call, parts.length);
        parts.push({ ...named, arguments: '' });
        return;
      }
      case 'tool_arguments': {
        const open = parts[calls.get(event.call) ?? -1];
        if (open?.type === 'tool_call') open.arguments += event.text;
        return;
      }
      case 'media': {
        if (event.part.type === 'audio') addSound(choice, event.part);
        else parts.push(event.part);
        return;
      }
      case 'citation':
        parts.push(event.part);
        return;
      case 'foreign':
        parts.push({ type: 'foreign', dialect: event.dialect, value: event.value });
    }
  }

  #choice(index: number): OpenChoice {
    let choice = this.#choices.get(index);
    if (choice === undefined) {
      choice = { parts: [], calls: new Map(), sound: { at: -1, pieces: [] }, reason: null, logprobs: undefined };
      this.#choices.set(index, choice);
    }
    return choice;
  }
}

function finished(index: number, { parts, sound, reason, logprobs }: OpenChoice): Choice {
  const spoken = parts[sound.at];
  if (spoken?.type === 'audio' && spoken.source.kind === 'data' && sound.pieces.length > 1)
    spoken.source = { ...spoken.source, data: Buffer.concat(sound.pieces).toString('base64') };
  return { index, parts: parts as Part[], finishReason: reason, ...(logprobs === undefined ? {} : { logprobs }) };
}

/** A spoken answer comes in pieces, each base64 of its own; they are joined once, at the end. */
function addSound({ parts, sound }: OpenChoice, part: AudioPart): void {
  const before = parts[sound.at];
  if (before?.type !== 'audio') sound.at = parts.push({ ...part }) - 1;
  else before.transcript = (before.transcript ?? '') + (part.transcript ?? '');
  if (part.source.kind === 'data') sound.pieces.push(Buffer.from(part.source.data, 'base64'));
}

/** `{content: [...] | null, refusal: [...] | null}`: lists continue, in a copy of our own. */
function joinLogprobs(before: unknown, more: unknown): unknown {
  if (typeof more !== 'object' || more === null) return before;
  // Without a prototype: `__proto__` is a key like any other there.
  const joined = (before ?? Object.create(null)) as Record<string, unknown>;
  for (const [key, value] of Object.entries(more)) {
    const list = joined[key];
    if (Array.isArray(value)) {
      if (Array.isArray(list)) for (const element of value) list.push(element);
      else joined[key] = [...value];
    } else if (value !== null || list === undefined) joined[key] = value;
  }
  return joined;
}
