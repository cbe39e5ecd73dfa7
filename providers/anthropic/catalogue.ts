import type { ModelInfo, ProviderInstance, UpstreamRequest } from '../provider.ts';
import { isObject, parseBody, protocolError } from '../wire/json.ts';
import { distinctModels, isCount, isModelId } from '../wire/models.ts';

/** Most models of one page; the API's own limit. */
const MAX_MODELS = 1000;

/** `GET {base}/models` and its reader. */
export function catalogueOf(provider: ProviderInstance): { request: UpstreamRequest; read(bytes: Buffer): readonly ModelInfo[] } {
  const { path, query, headers } = provider;
  return {
    request: {
      method: 'GET',
      path: `${path}/models${query === '' ? '?' : `${query}&`}limit=${MAX_MODELS}`,
      headers: { ...headers, accept: 'application/json' },
      body: null,
    },
    read: readModels,
  };
}

/** `{data: [{id, created_at, max_input_tokens, max_tokens, capabilities}]}`. Throws `TranslationError` when it is no list. */
export function readModels(bytes: Buffer): readonly ModelInfo[] {
  const body = parseBody(bytes);
  if (!isObject(body) || !Array.isArray(body.data)) return protocolError('The provider answered without a list of models.');
  return distinctModels(body.data.slice(0, MAX_MODELS), MAX_MODELS, readModel);
}

function readModel(entry: unknown): ModelInfo | null {
  if (!isObject(entry) || !isModelId(entry.id)) return null;
  const created = typeof entry.created_at === 'string' ? Math.floor(Date.parse(entry.created_at) / 1000) : 0;
  return {
    id: entry.id,
    created: Number.isSafeInteger(created) && created > 0 ? created : 0,
    ownedBy: 'anthropic',
    ...count('contextWindow', entry.max_input_tokens),
    ...count('maxOutputTokens', entry.max_tokens),
    ...capabilities(entry.capabilities),
  };
}

function count(key: 'contextWindow' | 'maxOutputTokens', value: unknown): Partial<ModelInfo> {
  return isCount(value) ? { [key]: value } : {};
}

/** Members that say whether something is supported; one that says nothing adds nothing. */
function capabilities(raw: unknown): Partial<ModelInfo> {
  if (!isObject(raw)) return {};
  const image = supported(raw.image_input);
  const file = supported(raw.pdf_input);
  const reasoning = supported(raw.thinking);
  return {
    ...(image === null && file === null
      ? {}
      : { input: ['text', ...(image === true ? (['image'] as const) : []), ...(file === true ? (['file'] as const) : [])] }),
    ...(reasoning === null ? {} : { reasoning }),
  };
}

function supported(capability: unknown): boolean | null {
  return isObject(capability) && typeof capability.supported === 'boolean' ? capability.supported : null;
}
