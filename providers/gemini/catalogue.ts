import type { ModelInfo } from '../model.ts';
import type { Operation, ProviderInstance, UpstreamRequest } from '../provider.ts';
import { isObject, parseBody, protocolError } from '../wire/json.ts';
import { distinctModels, isCount, isModelId } from '../wire/models.ts';
import { describe } from './models.ts';
import { isVertex, withQuery } from './paths.ts';

/** Most models of one page that the API gives, and most that are taken. */
const PAGE = 1000;

/** Methods of a model that an operation stands for. */
const METHODS: Readonly<Record<string, Operation>> = {
  generateContent: 'chat',
  embedContent: 'embeddings',
  batchEmbedContents: 'embeddings',
};

/** `GET {base}/models` and its reader; null on Vertex AI, which has no such list for a project. */
export function geminiCatalogue(
  provider: ProviderInstance,
): { request: UpstreamRequest; read(bytes: Buffer): readonly ModelInfo[] } | null {
  if (isVertex(provider)) return null;
  return {
    request: {
      method: 'GET',
      path: `${provider.path}/models${withQuery(provider, `pageSize=${PAGE}`)}`,
      headers: { ...provider.headers, accept: 'application/json' },
      body: null,
    },
    read: readModels,
  };
}

/**
 * The API's list of models: those that chat or embed, with the limits it names over what is built in. Entries without a usable
 * name are left out. Throws `TranslationError` when it is no list.
 */
export function readModels(bytes: Buffer): readonly ModelInfo[] {
  const body = parseBody(bytes);
  if (!isObject(body) || !Array.isArray(body.models)) return protocolError('The provider answered without a list of models.');
  return distinctModels(body.models.slice(0, PAGE), PAGE, readModel);
}

function readModel(entry: unknown): ModelInfo | null {
  if (!isObject(entry) || typeof entry.name !== 'string') return null;
  const id = entry.name.replace(/^models\//, '');
  if (!isModelId(id)) return null;
  const methods = Array.isArray(entry.supportedGenerationMethods) ? entry.supportedGenerationMethods : null;
  const operations = methods === null ? null : operationsOf(methods);
  // Models for pictures, videos and live sound have methods that no operation here stands for.
  if (operations?.length === 0) return null;
  const { inputTokenLimit: input, outputTokenLimit: output, thinking } = entry;
  return {
    id,
    created: 0,
    ownedBy: 'google',
    ...describe(id),
    ...(operations === null ? {} : { operations }),
    ...(isCount(input) ? { contextWindow: input } : {}),
    ...(isCount(output) ? { maxOutputTokens: output } : {}),
    ...(typeof thinking === 'boolean' ? { reasoning: thinking } : {}),
  };
}

function operationsOf(methods: readonly unknown[]): readonly Operation[] {
  const found = new Set<Operation>();
  for (const method of methods.slice(0, 32)) {
    if (typeof method === 'string' && Object.hasOwn(METHODS, method)) found.add(METHODS[method]!);
  }
  return [...found];
}
