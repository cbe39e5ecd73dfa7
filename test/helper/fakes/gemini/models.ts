/** What one family of models takes. Every rule of the fake that depends on the model is a member here. */
export interface GeminiModel {
  /** Names, tried in the order of the list. */
  readonly match: RegExp;
  readonly methods: readonly string[];
  readonly inputTokenLimit: number;
  readonly outputTokenLimit: number;
  /** 3 and later want thought signatures back and take `thinkingLevel`. */
  readonly generation: number;
  readonly thinking: 'none' | 'budget' | 'level';
  /** Smallest and largest budget in tokens, and whether 0 turns thinking off. */
  readonly budget?: { readonly min: number; readonly max: number; readonly off: boolean };
  readonly levels?: readonly string[];
  /** The most candidates one request may ask for. */
  readonly candidates: number;
  readonly penalties: boolean;
  /** Function declarations beside built-in tools, and beside a JSON response type. */
  readonly toolCombination: boolean;
  /** A request may end with a model turn. */
  readonly prefill: boolean;
  /** Sets of response modalities it takes. */
  readonly outputs: readonly (readonly string[])[];
  /** The fewest tokens of a cachedContent; null: the model cannot be cached. */
  readonly minCacheTokens: number | null;
  /** Embedding models: the size of a whole vector, and whether shortened ones come normalised. */
  readonly embedding?: { readonly dimensions: number; readonly normalised: boolean };
}

const chat = ['generateContent', 'streamGenerateContent', 'countTokens', 'createCachedContent', 'batchGenerateContent'];
const embed = ['embedContent', 'batchEmbedContents', 'countTokens'];
const text = [['TEXT']];
const million = { inputTokenLimit: 1_048_576, outputTokenLimit: 65_536 };
const all = ['MINIMAL', 'LOW', 'MEDIUM', 'HIGH'];
const fromLow = ['LOW', 'MEDIUM', 'HIGH'];

const second = {
  methods: chat,
  ...million,
  generation: 2,
  toolCombination: false,
  prefill: true,
  outputs: text,
  penalties: true,
} as const;
const third = {
  methods: chat,
  ...million,
  generation: 3,
  thinking: 'level',
  candidates: 1,
  penalties: false,
  toolCombination: true,
  outputs: text,
} as const;
const embedding = {
  methods: embed,
  outputTokenLimit: 1,
  generation: 0,
  thinking: 'none',
  candidates: 1,
  penalties: false,
  toolCombination: false,
  prefill: true,
  outputs: [],
  minCacheTokens: null,
} as const;

/**
 * Levels and budgets: the vendor's thinking guide and recorded requests. Minimal cache sizes: the API's own refusals
 * (1,024 and 2,048 were reported for the same family at different times, hence `minCacheTokens` as an option of the fake).
 * Models without prefill: those that answer "Requests ending with a model turn are not supported."
 */
export const geminiModels: readonly GeminiModel[] = [
  { match: /^gemini-embedding-2/, ...embedding, inputTokenLimit: 8192, embedding: { dimensions: 3072, normalised: true } },
  {
    match: /^gemini-embedding-001|^text-embedding-/,
    ...embedding,
    inputTokenLimit: 2048,
    embedding: { dimensions: 3072, normalised: false },
  },
  {
    match: /^gemini-2\.5-flash-image|^gemini-2\.0-flash.*image/,
    ...second,
    thinking: 'none',
    candidates: 1,
    outputs: [['TEXT', 'IMAGE'], ['IMAGE']],
    minCacheTokens: null,
  },
  { match: /^gemini-[\d.]+-.*tts/, ...second, thinking: 'none', candidates: 1, outputs: [['AUDIO']], minCacheTokens: null },
  { match: /^gemini-2\.0-/, ...second, outputTokenLimit: 8192, thinking: 'none', candidates: 8, minCacheTokens: 4096 },
  {
    match: /^gemini-2\.5-pro/,
    ...second,
    thinking: 'budget',
    budget: { min: 128, max: 32_768, off: false },
    candidates: 8,
    penalties: false,
    minCacheTokens: 2048,
  },
  {
    match: /^gemini-2\.5-flash-lite/,
    ...second,
    thinking: 'budget',
    budget: { min: 512, max: 24_576, off: true },
    candidates: 8,
    penalties: false,
    minCacheTokens: 2048,
  },
  {
    match: /^gemini-2\.5-flash/,
    ...second,
    thinking: 'budget',
    budget: { min: 1, max: 24_576, off: true },
    candidates: 8,
    minCacheTokens: 1024,
  },
  {
    match: /^gemini-3[\d.]*-.*image/,
    ...third,
    levels: all,
    outputs: [['TEXT', 'IMAGE'], ['IMAGE'], ['TEXT']],
    prefill: true,
    minCacheTokens: null,
  },
  { match: /^gemini-(3|3\.1)-pro|^gemini-pro-latest$/, ...third, levels: fromLow, prefill: true, minCacheTokens: 4096 },
  { match: /^gemini-(3|3\.1)-flash/, ...third, levels: all, prefill: true, minCacheTokens: 1024 },
  { match: /^gemini-3\.[2-6]-flash/, ...third, levels: all, prefill: false, minCacheTokens: 1024 },
  {
    match: /^gemini-3\.\d+-flash|^gemini-flash-latest$|^gemini-flash-lite-latest$/,
    ...third,
    levels: fromLow,
    prefill: false,
    minCacheTokens: 1024,
  },
  { match: /^gemini-(3\.[2-9]-pro|4)/, ...third, levels: fromLow, prefill: false, minCacheTokens: 4096 },
];

/** The family of a model's name without `models/`; null where there is no such model. */
export function geminiModel(name: string): GeminiModel | null {
  return geminiModels.find((model) => model.match.test(name)) ?? null;
}

/** The names that the list of models shows. */
export const listedModels: readonly string[] = [
  'gemini-2.0-flash',
  'gemini-2.5-pro',
  'gemini-2.5-flash',
  'gemini-2.5-flash-lite',
  'gemini-2.5-flash-image',
  'gemini-3-pro-preview',
  'gemini-3-flash-preview',
  'gemini-3.1-pro-preview',
  'gemini-3.1-flash-lite',
  'gemini-3.5-flash',
  'gemini-3.6-flash',
  'gemini-3.7-flash',
  'gemini-3.8-flash',
  'gemini-flash-latest',
  'gemini-embedding-001',
  'gemini-embedding-2',
];
