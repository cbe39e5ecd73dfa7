import type { ChatEvent } from '../unified.ts';
import { isObject, type JsonObject, textOf } from '../wire/json.ts';
import { citationParts, MAX_CITATIONS, partsOf, type Reading } from './content.ts';
import { DIALECT } from './dialect.ts';
import { eventsOf } from './part-events.ts';

/** Characters of a block that only this dialect knows that are put together; a longer one is carried as it began. */
const MAX_FOREIGN = 1_048_576;

const choice = 0;

/** A content block that is being streamed. */
export interface OpenBlock {
  begin(events: ChatEvent[]): void;
  delta(delta: JsonObject, events: ChatEvent[]): void;
  end(events: ChatEvent[]): void;
}

/** `nextCall` numbers the calls of the answer: blocks of all kinds are numbered together. */
export function openBlock(block: JsonObject, reading: Reading, nextCall: () => number): OpenBlock {
  switch (block.type) {
    case 'text':
      return new OpenText(block, reading);
    case 'thinking':
      return new OpenThinking(block);
    case 'tool_use':
      return block.name === reading.formatTool && reading.formatTool !== null
        ? new OpenAnswer(block, reading)
        : new OpenCall(block, nextCall());
    default:
      return new OpenForeign(block, reading);
  }
}

class OpenText implements OpenBlock {
  readonly #reading: Reading;
  readonly #start: number;
  readonly #text: string;
  readonly #citations: unknown[];

  constructor(block: JsonObject, reading: Reading) {
    this.#reading = reading;
    this.#start = reading.length;
    this.#text = textOf(block.text) ?? '';
    this.#citations = Array.isArray(block.citations) ? block.citations.slice(0, MAX_CITATIONS) : [];
  }

  begin(events: ChatEvent[]): void {
    this.#say(this.#text, events);
  }

  delta(delta: JsonObject, events: ChatEvent[]): void {
    if (delta.type === 'text_delta') this.#say(textOf(delta.text) ?? '', events);
    else if (delta.type === 'citations_delta' && this.#citations.length < MAX_CITATIONS) this.#citations.push(delta.citation);
  }

  end(events: ChatEvent[]): void {
    for (const part of citationParts(this.#citations, this.#start, this.#reading.length)) events.push(...eventsOf(part, 0));
  }

  #say(text: string, events: ChatEvent[]): void {
    if (text === '') return;
    this.#reading.length += text.length;
    events.push({ type: 'text', choice, text });
  }
}

class OpenThinking implements OpenBlock {
  readonly #text: string;
  #signature: string;

  constructor(block: JsonObject) {
    this.#text = textOf(block.thinking) ?? '';
    this.#signature = textOf(block.signature) ?? '';
  }

  begin(events: ChatEvent[]): void {
    this.#think(this.#text, events);
  }

  delta(delta: JsonObject, events: ChatEvent[]): void {
    if (delta.type === 'thinking_delta') this.#think(textOf(delta.thinking) ?? '', events);
    else if (delta.type === 'signature_delta') this.#signature += textOf(delta.signature) ?? '';
  }

  /** The signature is of the whole block, so it follows the text; a block without text is signed too, and has to go back. */
  end(events: ChatEvent[]): void {
    if (this.#signature === '') return;
    events.push({ type: 'reasoning', choice, text: '', signature: this.#signature, dialect: DIALECT });
  }

  #think(text: string, events: ChatEvent[]): void {
    if (text === '') return;
    events.push({ type: 'reasoning', choice, text, dialect: DIALECT });
  }
}

class OpenCall implements OpenBlock {
  readonly #block: JsonObject;
  readonly #call: number;
  #silent = true;

  constructor(block: JsonObject, call: number) {
    this.#block = block;
    this.#call = call;
  }

  begin(events: ChatEvent[]): void {
    const { id, name } = this.#block;
    events.push({
      type: 'tool_call',
      choice,
      call: this.#call,
      kind: 'function',
      id: textOf(id) ?? '',
      name: textOf(name) ?? '',
    });
  }

  delta(delta: JsonObject, events: ChatEvent[]): void {
    const text = delta.type === 'input_json_delta' ? (textOf(delta.partial_json) ?? '') : '';
    if (text === '') return;
    this.#silent = false;
    events.push({ type: 'tool_arguments', choice, call: this.#call, text });
  }

  /** Calls that code makes have their whole input at the start. */
  end(events: ChatEvent[]): void {
    const text = wholeInput(this.#block);
    if (this.#silent && text !== null) events.push({ type: 'tool_arguments', choice, call: this.#call, text });
  }
}

/** The answer as the input of a tool. */
class OpenAnswer implements OpenBlock {
  readonly #block: JsonObject;
  readonly #reading: Reading;
  #silent = true;

  constructor(block: JsonObject, reading: Reading) {
    this.#block = block;
    this.#reading = reading;
    reading.formatted = true;
  }

  begin(): void {
    // Nothing is said yet.
  }

  delta(delta: JsonObject, events: ChatEvent[]): void {
    const text = delta.type === 'input_json_delta' ? (textOf(delta.partial_json) ?? '') : '';
    if (text !== '') this.#say(text, events);
  }

  end(events: ChatEvent[]): void {
    if (this.#silent) this.#say(wholeInput(this.#block) ?? '{}', events);
  }

  #say(text: string, events: ChatEvent[]): void {
    this.#silent = false;
    this.#reading.length += text.length;
    events.push({ type: 'text', choice, text });
  }
}

/** What only this dialect knows, and redacted reasoning: whole at the start but for an input or a text that follows. */
class OpenForeign implements OpenBlock {
  readonly #block: JsonObject;
  readonly #reading: Reading;
  #text = '';
  #content = '';

  constructor(block: JsonObject, reading: Reading) {
    this.#block = block;
    this.#reading = reading;
  }

  begin(): void {
    // It is carried whole.
  }

  delta(delta: JsonObject): void {
    if (this.#text.length + this.#content.length > MAX_FOREIGN) return;
    if (delta.type === 'input_json_delta') this.#text += textOf(delta.partial_json) ?? '';
    else this.#content += textOf(delta.content) ?? '';
  }

  end(events: ChatEvent[]): void {
    for (const part of partsOf(this.#whole(), this.#reading)) events.push(...eventsOf(part, 0));
  }

  #whole(): JsonObject {
    if (this.#content !== '') return { ...this.#block, content: this.#content };
    if (this.#text === '' || this.#text.length > MAX_FOREIGN) return this.#block;
    try {
      return { ...this.#block, input: JSON.parse(this.#text) as unknown };
    } catch {
      return this.#block;
    }
  }
}

/** An input that came with the start of its block; null for none. */
function wholeInput({ input }: JsonObject): string | null {
  if (input === undefined || input === null) return null;
  return isObject(input) && Object.keys(input).length === 0 ? null : JSON.stringify(input);
}
