// What a recorded answer has to look like to a client of the API: the common form of all oracles. They read the recorded
// bytes by themselves, from the protocols' descriptions, and share no code with the gateway.

export interface ExpectedCall {
  readonly name: string;
  /** JSON text, as the model wrote it. */
  readonly arguments: string;
  /** The proof that came with this very call; null for none. */
  readonly signature: string | null;
}

export interface ExpectedChoice {
  readonly index: number;
  readonly text: string;
  readonly reasoning: string;
  /** Null: none was given, the gateway may say one of its own. */
  readonly refusal: string | null;
  readonly calls: readonly ExpectedCall[];
  readonly finish: string;
  /** Base64 of each image. */
  readonly images: readonly string[];
  /** Addresses the answer says it rests on. */
  readonly sources: readonly string[];
  /** Proofs that came with text; a client is given the last. */
  readonly signatures: readonly string[];
  /** Tokens whose probabilities are told. */
  readonly tokens: readonly string[];
}

/** Tokens by the kinds of the ledger; what is absent was not said. */
export interface ExpectedUsage {
  readonly input: number;
  readonly output: number;
  readonly cached?: number;
  readonly cache_write_5m?: number;
  readonly cache_write_1h?: number;
  readonly reasoning?: number;
  /** The provider's own sum, where it gives one. */
  readonly total?: number;
}

export interface ExpectedAnswer {
  readonly kind: 'answer';
  readonly choices: readonly ExpectedChoice[];
  /** Null: the provider counted nothing, so an estimate is booked. */
  readonly usage: ExpectedUsage | null;
  readonly model: string | null;
}

/** Vectors as they were sent; a client gets them with length 1. */
export interface ExpectedVectors {
  readonly kind: 'vectors';
  readonly vectors: readonly (readonly number[] | string)[];
  readonly usage: ExpectedUsage | null;
}

export interface ExpectedFailure {
  readonly kind: 'failure';
  readonly status: number;
  readonly type: string;
  readonly code: string | null;
  readonly param: string | null;
  /** Null where the gateway uses its own words. */
  readonly message: string | null;
  /** Something of the answer came before it, so a client that streams sees it as an event of a 200. */
  readonly afterContent: boolean;
}

export type Expected = ExpectedAnswer | ExpectedVectors | ExpectedFailure;

/** A choice with nothing in it. */
export const emptyChoice: ExpectedChoice = {
  index: 0,
  text: '',
  reasoning: '',
  refusal: null,
  calls: [],
  finish: '',
  images: [],
  sources: [],
  signatures: [],
  tokens: [],
};

export type Json = Readonly<Record<string, unknown>>;

/** `value` as an object, an empty one for anything else. */
export function object(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

/** `value` as a list of objects, an empty one for anything else. */
export function objects(value: unknown): readonly Json[] {
  return Array.isArray(value) ? value.map(object) : [];
}

export function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

export function count(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}

/** The members that are there. */
export function present<T extends object>(members: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const there = Object.entries(members).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(there) as { [K in keyof T]?: NonNullable<T[K]> };
}

/** Data of each event of a stream, whatever its line ends; comments are no events. */
export function eventData(stream: string): { readonly event: string; readonly data: string }[] {
  return stream.split(/\r?\n\r?\n/).flatMap((block) => {
    const lines = block.split(/\r?\n/);
    const data = lines.filter((line) => line.startsWith('data:')).map((line) => line.slice(5).replace(/^ /, ''));
    const name = lines.find((line) => line.startsWith('event:'));
    return data.length === 0 ? [] : [{ event: name?.slice(6).trim() ?? '', data: data.join('\n') }];
  });
}
