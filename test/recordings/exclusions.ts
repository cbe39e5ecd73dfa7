import { object } from './expected.ts';
import type { Recording } from './store.ts';

/** Recordings that cannot be replayed, and why. */
export interface Exclusion {
  readonly provider: string;
  readonly name: RegExp;
  readonly reason: string;
  /** Where the real API answers this; the gateway has nothing there. Once it has, the exclusion has to go. */
  readonly path: string;
  /** True for what is an answer to that and to nothing else. */
  readonly shape: (body: Readonly<Record<string, unknown>>, recording: Recording) => boolean;
}

export const exclusions: readonly Exclusion[] = [
  {
    provider: 'openai',
    name: /_completion_|completion_langchain|openai_completion/,
    reason: 'legacy text completions, which the gateway does not serve',
    path: '/v1/completions',
    shape: isTextCompletion,
  },
  {
    provider: 'openai-compatible',
    name: /_completion_/,
    reason: 'legacy text completions, which the gateway does not serve',
    path: '/v1/completions',
    shape: isTextCompletion,
  },
  {
    provider: 'openai',
    name: /count_tokens|usage_limit/,
    reason: 'token counts ahead of a response, which the gateway does not serve',
    path: '/v1/responses/input_tokens',
    shape: (body) => body.object === 'response.input_tokens',
  },
  {
    provider: 'openai',
    name: /_image_/,
    reason: 'edited images, which the gateway does not serve yet',
    path: '/v1/images/edits',
    shape: (body) => Array.isArray(body.data) && body.output_format !== undefined,
  },
  {
    provider: 'openai',
    name: /_skills_/,
    reason: 'management of skills, no call to a model',
    path: '/v1/skills',
    shape: (body) => body.object === 'skill',
  },
  {
    provider: 'openai-compatible',
    name: /transcription/,
    reason: 'transcriptions, which the gateway does not serve yet',
    path: '/v1/audio/transcriptions',
    shape: (body) => Array.isArray(body.segments),
  },
  {
    provider: 'anthropic',
    name: /count_tokens/,
    reason: 'token counts, which the API of OpenAI does not have for chats',
    path: '/v1/messages/count_tokens',
    shape: (body) => typeof body.input_tokens === 'number' && body.content === undefined,
  },
  {
    provider: 'anthropic',
    name: /_skills_/,
    reason: 'management of skills, no call to a model',
    path: '/v1/skills',
    shape: (body) => body.type === 'skill_version',
  },
  {
    provider: 'gemini',
    name: /cached_content_0$/,
    reason: 'a prompt kept by the caller itself and expired since; clients of this API have no such call',
    path: '/v1/cachedContents',
    shape: (body) => String(body.name).startsWith('cachedContents/') && Date.parse(String(body.expireTime)) < Date.now(),
  },
  {
    provider: 'vertex-gemini',
    name: /count_tokens|usage_limit/,
    reason: 'token counts, which the API of OpenAI does not have for chats',
    path: '/v1/models/count-tokens',
    shape: (body) => typeof body.totalTokens === 'number' && body.candidates === undefined,
  },
];

/** The one that holds for a recording by its provider and name; null for none. */
export function exclusionOf(recording: Recording): Exclusion | null {
  const found = exclusions.find(({ provider, name }) => provider === recording.provider && name.test(recording.name));
  return found?.shape(bodyOf(recording), recording) ? found : null;
}

function bodyOf(recording: Recording): Readonly<Record<string, unknown>> {
  if (recording.streaming === 'sse') return object(JSON.parse(/^data: ?(\{.*)$/m.exec(recording.text)?.[1] ?? '{}'));
  return object(Array.isArray(recording.json) ? recording.json[0] : recording.json);
}

function isTextCompletion(body: Readonly<Record<string, unknown>>): boolean {
  const [choice] = Array.isArray(body.choices) ? body.choices : [];
  return body.object === 'text_completion' || (typeof object(choice).text === 'string' && object(choice).message === undefined);
}
