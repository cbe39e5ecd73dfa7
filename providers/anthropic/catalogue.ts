import type { ModelInfo, ProviderInstance, UpstreamRequest } from '../provider.ts';
import { isObject, type JsonObject, parseBody, protocolError } from '../wire/json.ts';

/** Most models of one page; the API's own limit. */
const MAX_MODELS = 1000;
const MAX_ID = 256;

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
  const models = new Map<string, ModelInfo>();
  for (const entry of body.data.slice(0, MAX_MODELS)) {
    const model = isObject(entry) ? readModel(entry) : null;
    if (model !== null && !models.has(model.id)) models.set(model.id, model);
  }
  return [...models.values()];
}

function readModel(entry: JsonObject): ModelInfo | null {
  const { id } = entry;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: an id with control characters is refused
  if (typeof id !== 'string' || id.length === 0 || id.length > MAX_ID || /[\u0000-\u001f\u007f]/.test(id)) return null;
  const created = typeof entry.created_at === 'string' ? Math.floor(Date.parse(entry.created_at) / 1000) : 0;
  return {
    id,
    created: Number.isSafeInteger(created) && created > 0 ? created : 0,
    ownedBy: 'anthropic',
    ...count('contextWindow', entry.max_input_tokens),
    ...count('maxOutputTokens', entry.max_tokens),
    ...capabilities(entry.capabilities),
  };
}

function count(key: 'contextWindow' | 'maxOutputTokens', value: unknown): Partial<ModelInfo> {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? { [key]: value } : {};
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
