// The internal request and event model: types only. A superset of what the dialects can say about one chat turn.
// A codec decodes its dialect into this and encodes this into its dialect, so N fronts and M backs need N + M codecs.

/** Fields and parts that only one dialect knows, keyed by dialect; returned to that dialect untouched. */
export type Extensions = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export type Role = 'system' | 'developer' | 'user' | 'assistant' | 'tool';

/** Where the bytes of an image, sound or document are. `data` is base64. */
export type MediaSource =
  | { readonly kind: 'data'; readonly mediaType: string; readonly data: string }
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'file'; readonly id: string };

/** "Everything up to here may be cached by the provider." `ttl` as the dialect wrote it (`5m`, `1h`, `30m`). */
export interface CacheHint {
  readonly ttl?: string;
  readonly mode?: string;
}

interface PartBase {
  readonly cache?: CacheHint;
  readonly extensions?: Extensions;
}

export interface TextPart extends PartBase {
  readonly type: 'text';
  readonly text: string;
}
export interface ImagePart extends PartBase {
  readonly type: 'image';
  readonly source: MediaSource;
  readonly detail?: string;
}
export interface AudioPart extends PartBase {
  readonly type: 'audio';
  /** What is said, in an answer. */
  readonly transcript?: string;
  /** `kind: 'file'` points at an earlier answer's sound (`message.audio.id`). */
  readonly source: MediaSource;
  /** Container format (`wav`, `mp3`). */
  readonly format?: string;
}
export interface VideoPart extends PartBase {
  readonly type: 'video';
  readonly source: MediaSource;
}
export interface FilePart extends PartBase {
  readonly type: 'file';
  readonly source: MediaSource;
  readonly filename?: string;
}
export interface RefusalPart extends PartBase {
  readonly type: 'refusal';
  readonly text: string;
}
export interface ReasoningPart extends PartBase {
  readonly type: 'reasoning';
  readonly text: string;
  /** Opaque proof the issuing dialect wants back unchanged. */
  readonly signature?: string;
  /** Encrypted reasoning that has no text. */
  readonly redacted?: string;
  /** The dialect that issued the signature; it is never sent to another. */
  readonly dialect?: string;
}
export interface ToolCallPart extends PartBase {
  readonly type: 'tool_call';
  readonly kind: 'function' | 'custom';
  readonly id: string;
  readonly name: string;
  /** JSON text for a function (possibly invalid, as models write it), free text for a custom tool. */
  readonly arguments: string;
  readonly signature?: string;
  /** The dialect that issued the signature; it is never sent to another. */
  readonly dialect?: string;
}
export interface ToolResultPart extends PartBase {
  readonly type: 'tool_result';
  readonly id: string;
  readonly name?: string;
  readonly content: readonly Part[];
  readonly isError?: boolean;
}
/** A source that the text before it rests on; only in answers. */
export interface CitationPart extends PartBase {
  readonly type: 'citation';
  readonly url: string;
  readonly title?: string;
  /** Characters of the answer's text, end exclusive. */
  readonly start?: number;
  readonly end?: number;
}
/** A part that only `dialect` knows. */
export interface ForeignPart extends PartBase {
  readonly type: 'foreign';
  readonly dialect: string;
  readonly value: unknown;
}

export type Part =
  | TextPart
  | ImagePart
  | AudioPart
  | VideoPart
  | FilePart
  | RefusalPart
  | ReasoningPart
  | ToolCallPart
  | ToolResultPart
  | CitationPart
  | ForeignPart;

export interface Message {
  readonly role: Role;
  readonly parts: readonly Part[];
  readonly name?: string;
  readonly extensions?: Extensions;
}

export interface FunctionTool {
  readonly kind: 'function';
  readonly name: string;
  readonly description?: string;
  /** JSON Schema; absent = no parameters. */
  readonly parameters?: unknown;
  readonly strict?: boolean | null;
  readonly cache?: CacheHint;
  readonly extensions?: Extensions;
}
export interface CustomTool {
  readonly kind: 'custom';
  readonly name: string;
  readonly description?: string;
  readonly format?: unknown;
  readonly extensions?: Extensions;
}
/** A tool that only `dialect` knows (its own search, code execution, …). */
export interface ForeignTool {
  readonly kind: 'foreign';
  readonly dialect: string;
  readonly value: unknown;
}
export type Tool = FunctionTool | CustomTool | ForeignTool;

export interface ToolReference {
  readonly kind: 'function' | 'custom';
  readonly name: string;
}
export type ToolChoice =
  | { readonly mode: 'auto' | 'none' | 'required' }
  | { readonly mode: 'named'; readonly tool: ToolReference }
  | { readonly mode: 'allowed'; readonly required: boolean; readonly tools: readonly ToolReference[] };

export type OutputFormat =
  | { readonly type: 'text' }
  | { readonly type: 'json' }
  | {
      readonly type: 'json_schema';
      readonly name: string;
      readonly description?: string;
      readonly schema?: unknown;
      readonly strict?: boolean | null;
    };

export interface Sampling {
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly frequencyPenalty?: number;
  readonly presencePenalty?: number;
  readonly seed?: number;
  readonly stop?: readonly string[];
  readonly logitBias?: Readonly<Record<string, number>>;
  /** Log probabilities of the chosen tokens, with this many alternatives each. */
  readonly logprobs?: { readonly top?: number };
}

/** One chat request. Absent means "the dialect's default"; a codec never invents a value here. */
export interface ChatRequest {
  readonly model: string;
  readonly messages: readonly Message[];
  readonly tools?: readonly Tool[];
  readonly toolChoice?: ToolChoice;
  readonly parallelToolCalls?: boolean;
  readonly output?: OutputFormat;
  readonly sampling: Sampling;
  /** Upper bound on generated tokens, reasoning included. */
  readonly maxOutputTokens?: number;
  /** How many answers. */
  readonly choices?: number;
  /** `none | minimal | low | medium | high | xhigh | max`, open. */
  readonly reasoningEffort?: string;
  readonly verbosity?: string;
  readonly modalities?: readonly string[];
  readonly audio?: unknown;
  readonly prediction?: unknown;
  readonly user?: string;
  /** Stable hash of the end user. */
  readonly safetyIdentifier?: string;
  readonly serviceTier?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly promptCacheKey?: string;
  readonly stream: boolean;
  /** The client asked to see usage in the stream. */
  readonly streamUsage: boolean;
  readonly extensions?: Extensions;
}

/** Why a choice ended, in the vocabulary of OpenAI chat completions. */
export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter' | 'function_call';

/**
 * Quantities by kind, integers >= 0. `input` is everything read (cached and cache writes inside), `output` everything
 * generated (reasoning inside); the others are parts of those two or units of their own (`image`, `second`).
 * Known kinds: input, cached, cache_write_5m, cache_write_1h, input_audio, output, reasoning, output_audio,
 * accepted_prediction, rejected_prediction.
 */
export type Quantities = Readonly<Record<string, number>>;

export interface Choice {
  readonly index: number;
  readonly parts: readonly Part[];
  readonly finishReason: FinishReason | null;
  readonly logprobs?: unknown;
  readonly extensions?: Extensions;
}

export interface ChatResponse {
  readonly id: string;
  /** Unix seconds. */
  readonly created: number;
  readonly model: string;
  readonly choices: readonly Choice[];
  readonly usage: Quantities | null;
  readonly serviceTier?: string | null;
  readonly extensions?: Extensions;
}

/** What a streamed answer is made of, in order. `choice` numbers answers, `call` numbers a choice's tool calls 0..n. */
export type ChatEvent =
  | {
      readonly type: 'start';
      readonly id: string;
      readonly created: number;
      readonly model: string;
      readonly extensions?: Extensions;
    }
  | { readonly type: 'text'; readonly choice: number; readonly text: string; readonly logprobs?: unknown }
  | { readonly type: 'refusal'; readonly choice: number; readonly text: string; readonly logprobs?: unknown }
  | {
      readonly type: 'reasoning';
      readonly choice: number;
      readonly text: string;
      readonly signature?: string;
      readonly redacted?: string;
      readonly dialect?: string;
    }
  | {
      readonly type: 'tool_call';
      readonly choice: number;
      readonly call: number;
      readonly kind: 'function' | 'custom';
      readonly id: string;
      readonly name: string;
      readonly signature?: string;
      readonly dialect?: string;
    }
  | { readonly type: 'tool_arguments'; readonly choice: number; readonly call: number; readonly text: string }
  | { readonly type: 'media'; readonly choice: number; readonly part: ImagePart | AudioPart }
  | { readonly type: 'citation'; readonly choice: number; readonly part: CitationPart }
  | { readonly type: 'foreign'; readonly choice: number; readonly dialect: string; readonly value: unknown }
  | { readonly type: 'finish'; readonly choice: number; readonly reason: FinishReason }
  | { readonly type: 'usage'; readonly usage: Quantities; readonly extensions?: Extensions };
