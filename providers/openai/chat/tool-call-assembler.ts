import type { ChatEvent } from '../../unified.ts';
import { isObject, type JsonObject, protocolError, textOf } from '../../wire/json.ts';
import { SIGNER, signatureOf } from './assistant.ts';
import { DIALECT } from './carry.ts';

/** Most tool calls of one choice; models make a few dozen at the very most. */
const MAX_CALLS = 1024;

const FRAGMENT_MEMBERS: ReadonlySet<string> = new Set(['index', 'id', 'type', 'function', 'custom']);

interface OpenCall {
  readonly call: number;
  readonly kind: 'function' | 'custom';
  id: string;
  announced: boolean;
  /** Arguments that came before the name. */
  early: string;
}

/**
 * Numbers the tool calls of one choice 0..n and tells which fragment continues which. The API puts `index` on every fragment and
 * `id` and the name on the first; compatible servers leave out `index` (Gemini), send `id: ""`, or reuse an index for the next
 * call, so a fragment with a name and another id, or with a name and no index, begins a call.
 */
export class ToolCallAssembler {
  readonly #choice: number;
  readonly #byIndex = new Map<number, OpenCall>();
  #last: OpenCall | null = null;
  #count = 0;

  constructor(choice: number) {
    this.#choice = choice;
  }

  /** Adds the events of one element of `delta.tool_calls`. Throws `TranslationError` for one that cannot be placed. */
  read(fragment: unknown, events: ChatEvent[]): void {
    if (!isObject(fragment)) protocolError('The provider sent a tool call that is not an object.');
    const custom = isObject(fragment.custom) ? fragment.custom : null;
    const body = custom ?? (isObject(fragment.function) ? fragment.function : {});
    const id = textOf(fragment.id);
    const name = textOf(body.name);
    const open = this.#place(fragment, id, name, custom !== null || fragment.type === 'custom' ? 'custom' : 'function');
    if (!open.announced && id !== null) open.id = id;
    const signature = signatureOf(fragment);
    if (!open.announced && name !== null) this.#announce(open, name, signature, events);
    const text = custom === null ? body.arguments : body.input;
    const piece = typeof text === 'string' ? text : isObject(text) ? JSON.stringify(text) : '';
    if (piece !== '') {
      if (open.announced) events.push({ type: 'tool_arguments', choice: this.#choice, call: open.call, text: piece });
      else open.early += piece;
    }
    const extra = restOf(fragment, signature !== null);
    if (extra === null) return;
    const value = { call: open.call, tool_call: extra };
    events.push({ type: 'foreign', choice: this.#choice, dialect: DIALECT, value });
  }

  /** Announces calls that never got a name; called when the choice ends. */
  flush(events: ChatEvent[]): void {
    for (const open of this.#byIndex.values()) if (!open.announced) this.#announce(open, '', null, events);
    if (this.#last !== null && !this.#last.announced) this.#announce(this.#last, '', null, events);
  }

  #place(fragment: JsonObject, id: string | null, name: string | null, kind: OpenCall['kind']): OpenCall {
    const { index } = fragment;
    const numbered = typeof index === 'number';
    if (!numbered && index !== undefined && index !== null)
      return protocolError('The provider sent a tool call with an invalid index.');
    if (numbered && !(Number.isInteger(index) && index >= 0 && index < MAX_CALLS)) {
      return protocolError('The provider sent a tool call with an invalid index.');
    }
    const known = numbered ? (this.#byIndex.get(index) ?? null) : this.#last;
    const otherId = known !== null && id !== null && known.id !== '' && id !== known.id;
    const begins = numbered
      ? otherId && name !== null
      : otherId || (name !== null && known?.announced === true && id !== known.id);
    if (known !== null && !begins) {
      this.#last = known;
      return known;
    }
    if (this.#count >= MAX_CALLS) return protocolError('The provider sent too many tool calls.');
    const open: OpenCall = { call: this.#count++, kind, id: id ?? '', announced: false, early: '' };
    if (numbered) this.#byIndex.set(index, open);
    this.#last = open;
    return open;
  }

  #announce(open: OpenCall, name: string, signature: string | null, events: ChatEvent[]): void {
    open.announced = true;
    const { call, kind, id } = open;
    events.push({
      type: 'tool_call',
      choice: this.#choice,
      call,
      kind,
      id,
      name,
      ...(signature === null ? {} : { signature, dialect: SIGNER }),
    });
    if (open.early === '') return;
    events.push({ type: 'tool_arguments', choice: this.#choice, call, text: open.early });
    open.early = '';
  }
}

/** Members beyond the documented ones; `extra_content` is left out when it held nothing but the signature taken from it. */
function restOf(fragment: JsonObject, signed: boolean): Record<string, unknown> | null {
  const entries = Object.entries(fragment).filter(([key, value]) => {
    if (FRAGMENT_MEMBERS.has(key) || value === null) return false;
    return !(key === 'extra_content' && signed && isOnlySignature(value));
  });
  return entries.length === 0 ? null : Object.fromEntries(entries);
}

function isOnlySignature(content: unknown): boolean {
  if (!isObject(content) || Object.keys(content).length !== 1 || !isObject(content.google)) return false;
  return Object.keys(content.google).length === 1;
}
