import type { Modality, ModelInfo, Operation } from '../provider.ts';

// What this vendor's models take, as data. Sources: the vendor's model pages (developers.openai.com/api/docs/models/<id>, as of
// November 2026), for older models the catalogue models.dev (commit f3fc692, July 2026) and the context windows of
// @pydantic/genai-prices. Where sources differ, or none says it, a member is left out: requests are refused by what is here.

type Facts = Omit<Partial<ModelInfo>, 'id' | 'created' | 'ownedBy'>;

const text: readonly Modality[] = ['text'];
/** Models that see pictures also read documents, page by page. */
const seeing: readonly Modality[] = ['text', 'image', 'file'];
const hearing: readonly Modality[] = ['text', 'audio'];

const chat: readonly Operation[] = ['chat'];
const responses: readonly Operation[] = ['responses'];
const both: readonly Operation[] = ['chat', 'responses'];

const common: Facts = { operations: both, output: text };
const tools: Facts = { tools: true, structuredOutput: true };

/** Reasoning models from the fifth generation on. */
const thinking = (contextWindow: number, maxOutputTokens = 128_000): Facts => ({
  ...common,
  ...tools,
  contextWindow,
  maxOutputTokens,
  input: seeing,
  reasoning: true,
});
const large = thinking(1_050_000);
const medium = thinking(400_000);

/** What a chat product of the vendor runs on; sources disagree about its tools. */
const product: Facts = { ...common, contextWindow: 128_000, maxOutputTokens: 16_384, input: seeing, structuredOutput: true };

/** The first reasoning models. */
const series: Facts = {
  ...common,
  ...tools,
  contextWindow: 200_000,
  maxOutputTokens: 100_000,
  input: seeing,
  reasoning: true,
  sampling: false,
};

const omni: Facts = {
  ...common,
  ...tools,
  contextWindow: 128_000,
  maxOutputTokens: 16_384,
  input: seeing,
  reasoning: false,
  sampling: true,
};
const long: Facts = { ...omni, contextWindow: 1_047_576, maxOutputTokens: 32_768 };
const old: Facts = { ...common, input: text, tools: true, structuredOutput: false, reasoning: false, sampling: true };
const voice: Facts = {
  operations: chat,
  contextWindow: 128_000,
  maxOutputTokens: 16_384,
  input: hearing,
  output: hearing,
  tools: true,
  structuredOutput: false,
  reasoning: false,
};
/** `contextWindow` holds for each text. */
const vectors: Facts = { operations: ['embeddings'], contextWindow: 8_192, input: text, output: [], tools: false };

/** By id without its date. An id that is not here is another model, even where it begins alike. */
const known: ReadonlyMap<string, Facts> = new Map(
  Object.entries({
    'gpt-6.2-sol': large,
    'gpt-6.1-sol': large,
    'gpt-6-astra': large,
    'gpt-6-sol': large,
    'gpt-6-luna': large,
    'gpt-5.6': large,
    'gpt-5.6-sol': large,
    'gpt-5.6-terra': large,
    'gpt-5.6-luna': large,
    'gpt-5.5': large,
    'gpt-5.5-pro': { ...large, structuredOutput: undefined, operations: undefined },
    'gpt-5.4': large,
    'gpt-5.4-pro': { ...large, structuredOutput: undefined, operations: undefined },
    'gpt-5.4-mini': medium,
    'gpt-5.4-nano': medium,
    'gpt-5.3-chat-latest': product,
    'gpt-5.3-codex': { ...medium, operations: responses },
    'gpt-5.2': medium,
    'gpt-5.2-pro': { ...medium, structuredOutput: undefined, operations: undefined },
    'gpt-5.2-chat-latest': product,
    'gpt-5.2-codex': { ...medium, operations: responses },
    'gpt-5.1': medium,
    'gpt-5.1-chat-latest': product,
    'gpt-5.1-codex': { ...medium, operations: responses },
    'gpt-5.1-codex-max': { ...medium, operations: responses },
    'gpt-5.1-codex-mini': { ...medium, operations: responses },
    'gpt-5': { ...medium, sampling: false },
    'gpt-5-mini': { ...medium, sampling: false },
    'gpt-5-nano': { ...medium, sampling: false },
    'gpt-5-pro': { ...thinking(400_000, 272_000), operations: responses },
    'gpt-5-codex': { ...medium, operations: responses },
    'gpt-5-chat-latest': product,

    'gpt-4.5-preview': omni,
    'gpt-4.1': long,
    'gpt-4.1-mini': long,
    'gpt-4.1-nano': long,
    'gpt-4o': omni,
    'gpt-4o-mini': omni,
    'chatgpt-4o-latest': { ...omni, tools: undefined, structuredOutput: undefined },
    'gpt-4-turbo': { ...old, contextWindow: 128_000, maxOutputTokens: 4_096, input: seeing },
    'gpt-4-turbo-preview': { ...old, contextWindow: 128_000, maxOutputTokens: 4_096 },
    'gpt-4': { ...old, contextWindow: 8_192, maxOutputTokens: 8_192 },
    'gpt-4-32k': { ...old, contextWindow: 32_768, maxOutputTokens: 32_768 },
    'gpt-3.5-turbo': { ...old, contextWindow: 16_385, maxOutputTokens: 4_096 },
    'gpt-3.5-turbo-16k': { ...old, contextWindow: 16_385, maxOutputTokens: 4_096 },

    o1: series,
    'o1-pro': { ...series, operations: responses },
    'o1-mini': { ...series, contextWindow: 128_000, maxOutputTokens: 65_536, input: text, tools: false, structuredOutput: false },
    'o1-preview': {
      ...series,
      contextWindow: 128_000,
      maxOutputTokens: 32_768,
      input: text,
      tools: false,
      structuredOutput: false,
    },
    o3: series,
    'o3-pro': { ...series, operations: responses },
    'o3-mini': { ...series, input: text },
    'o3-deep-research': { ...series, operations: responses, tools: undefined, structuredOutput: undefined },
    'o4-mini': series,
    'o4-mini-deep-research': { ...series, operations: responses, tools: undefined, structuredOutput: undefined },
    'codex-mini-latest': { ...series, operations: responses },

    'gpt-audio': voice,
    'gpt-audio-1.5': voice,
    'gpt-audio-mini': voice,
    'gpt-4o-audio-preview': voice,
    'gpt-4o-mini-audio-preview': voice,

    'text-embedding-3-large': vectors,
    'text-embedding-3-small': vectors,
    'text-embedding-ada-002': vectors,
  } satisfies Record<string, Facts>),
);

/** Models behind endpoints that are not served here: pictures, speech, moderation, live sessions, plain completions. */
const elsewhere =
  /^(?:(?:chatgpt|gpt)-image-|dall-e-|sora-|tts-|whisper-|(?:omni|text)-moderation-|gpt-realtime|gpt-4o(?:-mini)?-(?:realtime|transcribe|tts)|gpt-transcribe|babbage-|davinci-|gpt-3\.5-turbo-instruct)/;

/** `-2026-08-01`, `-0613`: a snapshot of the model, with its abilities. */
const date = /-(?:\d{4}-\d{2}-\d{2}|\d{4})$/;

/** What is known of a model by its id, fine-tuned ones by their base; null for one that is not in the data. */
export function describe(model: string): Partial<ModelInfo> | null {
  const id = model.startsWith('ft:') ? (model.split(':', 2)[1] ?? '') : model;
  if (elsewhere.test(id)) return { operations: [] };
  return known.get(id) ?? known.get(id.replace(date, '')) ?? null;
}
