import type { ModelInfo, ProviderInstance, UpstreamRequest } from '../provider.ts';
import { isObject, parseBody, protocolError } from '../wire/json.ts';
import { distinctModels, isCount, isModelId, MAX_ID } from '../wire/models.ts';

/** Most models taken from one upstream; the largest public catalogue has about 700. */
const MAX_MODELS = 10_000;

/** `GET {base}/models` and its reader. */
export function openaiCatalogue(provider: ProviderInstance): {
  request: UpstreamRequest;
  read(bytes: Buffer): readonly ModelInfo[];
} {
  return {
    request: {
      method: 'GET',
      path: `${provider.path}/models${provider.query}`,
      headers: { ...provider.headers, accept: 'application/json' },
      body: null,
    },
    read: readModels,
  };
}

/**
 * An OpenAI model list, or what compatible servers answer instead: a bare array (Together), `models` (Ollama, Mistral's older
 * form). Entries without a usable id are left out, ids are unique. Throws `TranslationError` when it is no list at all.
 */
export function readModels(bytes: Buffer): readonly ModelInfo[] {
  const body = parseBody(bytes);
  const list = Array.isArray(body) ? body : isObject(body) ? (body.data ?? body.models) : null;
  if (!Array.isArray(list)) return protocolError('The provider answered without a list of models.');
  return distinctModels(list, MAX_MODELS, readModel);
}

function readModel(entry: unknown): ModelInfo | null {
  if (typeof entry === 'string') return isModelId(entry) ? { id: entry, created: 0, ownedBy: '' } : null;
  if (!isObject(entry)) return null;
  const id = [entry.id, entry.name, entry.model].find(isModelId);
  if (id === undefined) return null;
  const { created, owned_by: owner, organization } = entry;
  const ownedBy = [owner, organization].find((value) => typeof value === 'string' && value.length <= MAX_ID) as
    | string
    | undefined;
  // OpenRouter and Together; vLLM; Groq.
  const window = [entry.context_length, entry.max_model_len, entry.context_window].find(isCount);
  return {
    // Gemini's endpoint lists ids with the resource prefix and takes them without.
    id: id.replace(/^models\//, ''),
    created: typeof created === 'number' && Number.isSafeInteger(created) && created >= 0 ? created : 0,
    ownedBy: ownedBy ?? '',
    ...(window === undefined ? {} : { contextWindow: window }),
  };
}
