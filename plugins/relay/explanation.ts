import type { Exchange } from '../exchange/index.ts';

/** The decision of an exchange so far, as JSON; null when there is none. */
export type DecisionText = (exchange: Exchange) => string | null;

const done = 'data: [DONE]';
/** What `toErrorEvent` begins with. */
const errorEvents = ['data: {"error":', 'event: error\n'];
/** Bytes of a first event that is read for its id. */
const longestFirst = 65_536;

const CLOSE = 0x7d;

/** A JSON object with one more member at its end; every byte before it stays. What is no object stays as it is. */
export function withLastMember(object: Buffer, member: string): Buffer {
  const end = object.lastIndexOf(CLOSE);
  if (end < 0) return object;
  const isEmpty = /\{\s*$/.test(object.toString('latin1', Math.max(0, end - 16), end));
  return Buffer.concat([object.subarray(0, end), Buffer.from(`${isEmpty ? '' : ','}${member}`), object.subarray(end)]);
}

/** The members that all chunks of a chat stream share, as its first one has them. */
function sharedMembers(first: Buffer | null): object {
  try {
    const line = /(?:^|\n)data: ?(\{.*)/.exec(first?.toString('utf8') ?? '')?.[1] ?? '{}';
    const { id, created, model, system_fingerprint } = JSON.parse(line) as Record<string, unknown>;
    return { id, object: 'chat.completion.chunk', created, model, system_fingerprint };
  } catch {
    return { object: 'chat.completion.chunk' };
  }
}

/** Puts the decision of an exchange into its answer, where the caller asked for it (`gateway.explain`). */
export class Explanation {
  readonly #exchange: Exchange;
  readonly #textOf: DecisionText;
  /** The stream is one of named events without `[DONE]`. */
  readonly #namedEvents: boolean;
  #first: Buffer | null = null;

  constructor(exchange: Exchange, textOf: DecisionText, namedEvents: boolean) {
    this.#exchange = exchange;
    this.#textOf = textOf;
    this.#namedEvents = namedEvents;
  }

  /** Bytes of a stream on their way to the caller: whole events. */
  sees(bytes: Buffer): void {
    this.#first ??= Buffer.from(bytes.subarray(0, longestFirst));
  }

  /** A JSON answer or error with `gateway` as its last member. */
  inObject(bytes: Buffer): Buffer {
    const text = this.#textOf(this.#exchange);
    return text === null ? bytes : withLastMember(bytes, `"gateway":{"decision":${text}}`);
  }

  /** The last bytes of a stream with one more event: before `[DONE]`, or in the error that ends it. */
  atEnd(bytes: Buffer): Buffer {
    const start = bytes.toString('latin1', 0, 16);
    if (errorEvents.some((each) => start.startsWith(each))) return this.inObject(bytes);
    const text = this.#textOf(this.#exchange);
    if (text === null) return bytes;
    const at = bytes.lastIndexOf(done);
    const event = Buffer.from(this.#namedEvents ? namedEvent(text) : chunk(this.#first, text));
    return at < 0 ? Buffer.concat([bytes, event]) : Buffer.concat([bytes.subarray(0, at), event, bytes.subarray(at)]);
  }
}

const namedEvent = (text: string): string => `event: gateway.decision\ndata: {"type":"gateway.decision","decision":${text}}\n\n`;

/** As the chunk that carries the usage: without choices. */
function chunk(first: Buffer | null, text: string): string {
  const shared = JSON.stringify(sharedMembers(first)).slice(0, -1);
  return `data: ${shared},"choices":[],"gateway":{"decision":${text}}}\n\n`;
}
