import type { Modality, ModelInfo } from '../model.ts';
import type { Operation } from '../provider.ts';

// What is known of the models, as data: the first row whose pattern fits holds. Sources: ai.google.dev (models, thinking, context
// caching, structured output, "What's new" of 3.5 to 3.8 and 4), the refusals of the API, recorded requests.

export type ThinkingLevel = 'MINIMAL' | 'LOW' | 'MEDIUM' | 'HIGH';

/** How much a model thinks is told by tokens, by a level, or not at all. */
export type ThinkingControl =
  | { readonly by: 'none' }
  /** `off`: a budget of 0 is accepted. */
  | { readonly by: 'budget'; readonly min: number; readonly max: number; readonly off: boolean }
  /** From the least to the most. */
  | { readonly by: 'level'; readonly levels: readonly ThinkingLevel[] };

export interface ModelFacts {
  readonly operations: readonly Operation[];
  /** Tokens. */
  readonly contextWindow?: number;
  readonly maxOutputTokens?: number;
  readonly input: readonly Modality[];
  readonly output: readonly Modality[];
  readonly tools: boolean;
  readonly structuredOutput: boolean;
  readonly thinking: ThinkingControl;
  /** Thinks, whether or not it can be told how much. */
  readonly reasoning: boolean;
  /** Takes temperature, top_p and top_k; the others ignore them. */
  readonly sampling: boolean;
  /** Takes presence and frequency penalties; `vertex`: there only. The others refuse them. */
  readonly penalties: 'always' | 'vertex' | 'never';
  /** Gives several candidates. */
  readonly choices: boolean;
  /** A request may end with the model's turn. */
  readonly prefill: boolean;
  /** Function calls of the current turn have to carry a thought signature. */
  readonly signatures: boolean;
  /** Form of a function's parameters, and of a response schema: JSON Schema, or the older OpenAPI subset. */
  readonly toolSchema: 'json' | 'openapi';
  readonly outputSchema: 'json' | 'openapi';
  /** Media types taken inside a function response; others go beside it. */
  readonly responseMedia: readonly string[];
  /** Takes a resolution for each image of its own. */
  readonly partResolution: boolean;
  readonly systemInstruction: boolean;
  /** Has the function calling mode VALIDATED. */
  readonly validated: boolean;
  /** Takes functions beside its own tools, and beside a JSON answer. */
  readonly combined: boolean;
  /** Fewest tokens of a cached content; absent: none can be made. */
  readonly minCacheTokens?: number;
}

const MILLION = 1_048_576;
const EVERYTHING: readonly Modality[] = ['text', 'image', 'audio', 'video', 'file'];
const NO_CONTROL: ThinkingControl = { by: 'none' };

const second: ModelFacts = {
  operations: ['chat'],
  contextWindow: MILLION,
  maxOutputTokens: 8192,
  input: EVERYTHING,
  output: ['text'],
  tools: true,
  structuredOutput: true,
  thinking: NO_CONTROL,
  reasoning: false,
  sampling: true,
  penalties: 'always',
  choices: true,
  prefill: true,
  signatures: false,
  toolSchema: 'json',
  outputSchema: 'openapi',
  responseMedia: [],
  partResolution: false,
  systemInstruction: true,
  validated: false,
  combined: false,
  minCacheTokens: 4096,
};

const first: ModelFacts = { ...second, penalties: 'never', toolSchema: 'openapi', minCacheTokens: 32_768 };

const secondHalf: ModelFacts = {
  ...second,
  maxOutputTokens: 65_536,
  thinking: { by: 'budget', min: 1, max: 24_576, off: true },
  reasoning: true,
  penalties: 'vertex',
  outputSchema: 'json',
  validated: true,
  minCacheTokens: 2048,
};

const third: ModelFacts = {
  ...secondHalf,
  thinking: { by: 'level', levels: ['MINIMAL', 'LOW', 'MEDIUM', 'HIGH'] },
  penalties: 'never',
  choices: false,
  signatures: true,
  responseMedia: ['image/png', 'image/jpeg', 'image/webp', 'application/pdf', 'text/plain'],
  partResolution: true,
  combined: true,
  minCacheTokens: 4096,
};

/** From 3.6 Flash and 3.5 Flash-Lite on. */
const latest: ModelFacts = { ...third, sampling: false, prefill: false };
const fromLow: ThinkingControl = { by: 'level', levels: ['LOW', 'MEDIUM', 'HIGH'] };

const { minCacheTokens: _third, ...uncached } = third;
const { minCacheTokens: _second, ...uncachedSecond } = secondHalf;
const { minCacheTokens: _latest, ...uncachedLatest } = latest;

const speech: ModelFacts = {
  ...uncachedSecond,
  contextWindow: 8192,
  maxOutputTokens: 16_384,
  input: ['text'],
  output: ['audio'],
  tools: false,
  structuredOutput: false,
  thinking: NO_CONTROL,
  reasoning: false,
  choices: false,
};

const picture: ModelFacts = {
  ...uncachedSecond,
  maxOutputTokens: 32_768,
  input: ['text', 'image'],
  output: ['text', 'image'],
  tools: false,
  structuredOutput: false,
  thinking: NO_CONTROL,
  reasoning: false,
  choices: false,
};

const embedding: ModelFacts = {
  ...uncachedSecond,
  operations: ['embeddings'],
  contextWindow: 2048,
  maxOutputTokens: 1,
  input: ['text'],
  output: [],
  tools: false,
  structuredOutput: false,
  thinking: NO_CONTROL,
  reasoning: false,
};

/** Open models: no system instruction, no explicit caching (the API's own refusals). */
const open: ModelFacts = {
  ...uncachedSecond,
  contextWindow: 131_072,
  maxOutputTokens: 8192,
  input: ['text', 'image'],
  tools: false,
  structuredOutput: false,
  thinking: NO_CONTROL,
  reasoning: false,
  penalties: 'never',
  choices: false,
  toolSchema: 'openapi',
  outputSchema: 'openapi',
  systemInstruction: false,
  validated: false,
};

const rows: readonly (readonly [RegExp, ModelFacts])[] = [
  [/^gemini-embedding-2/, { ...embedding, contextWindow: 8192 }],
  [/embedding/, embedding],
  [/-tts(?:-|$)/, speech],
  [/^gemini-2[.-].*-image/, picture],
  [/^gemini-.*-image|^nano-banana/, { ...uncached, output: ['text', 'image'], tools: false, thinking: NO_CONTROL }],
  [/^gemma-4/, { ...open, contextWindow: 262_144, tools: true, reasoning: true, systemInstruction: true }],
  [/^gemma-/, open],
  [/^gemini-1[.-]|^gemini-pro(?:-vision)?$/, first],
  [/^gemini-2\.0/, second],
  [/^gemini-2\.5-pro/, { ...secondHalf, thinking: { by: 'budget', min: 128, max: 32_768, off: false }, penalties: 'never' }],
  [/^gemini-2\.5-flash-lite/, { ...secondHalf, thinking: { by: 'budget', min: 512, max: 24_576, off: true } }],
  [/^gemini-2[.-]/, secondHalf],
  [/^gemini-3-pro/, { ...third, thinking: { by: 'level', levels: ['LOW', 'HIGH'] } }],
  [/^gemini-3\.1-pro/, { ...third, thinking: fromLow }],
  [/^gemini-3-flash/, { ...third, minCacheTokens: 1024 }],
  [/^gemini-3\.1-flash|^gemini-3\.5-flash(?!-lite)/, third],
  [/^gemini-3\.6-flash|^gemini-.*flash-lite/, latest],
  [/^gemini-3[.-]|^gemini-(?:flash|pro)-latest/, { ...latest, thinking: fromLow }],
  // Caching is implicit only there (Vertex AI, "Developer's guide to Gemini 4 Argon").
  [/^gemini-/, { ...uncachedLatest, thinking: fromLow }],
];

/** For a name that says nothing, as that of a tuned model: what every model of the API takes. */
const { minCacheTokens: _unknown, ...unknown } = { ...second, outputSchema: 'openapi' } as ModelFacts;

function known(model: string): ModelFacts | null {
  const name = model.slice(model.lastIndexOf('/') + 1).toLowerCase();
  return rows.find(([pattern]) => pattern.test(name))?.[1] ?? null;
}

/** The rules for a model by its upstream id, with or without `models/`. A newer model of a family has those of its newest. */
export function factsOf(model: string): ModelFacts {
  return known(model) ?? unknown;
}

/** What the catalogue says of a model; null when its name says nothing. */
export function describe(model: string): Partial<ModelInfo> | null {
  const facts = known(model);
  if (facts === null) return null;
  const { operations, contextWindow, maxOutputTokens, input, output, tools, structuredOutput, reasoning, sampling } = facts;
  return {
    operations,
    ...(contextWindow === undefined ? {} : { contextWindow }),
    ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
    input,
    output,
    tools,
    structuredOutput,
    reasoning,
    sampling,
    ...(facts.minCacheTokens === undefined ? {} : { minCacheTokens: facts.minCacheTokens }),
  };
}
