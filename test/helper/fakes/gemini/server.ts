import { type FakeReply, type FakeRequest, type FakeScript, type FakeServer, scripted, startFakeServer } from '../server.ts';
import { answerTo, toResponse } from './answer.ts';
import { CacheStore, isError, noMethod, type StoredCache } from './cached-contents.ts';
import { embeddingOf } from './embeddings.ts';
import { badKey, type GeminiError, geminiError, invalid, noKey } from './errors.ts';
import { getModel, listModels } from './model-list.ts';
import { geminiModel } from './models.ts';
import type { Canonical } from './proto.ts';
import { errorReply, streamReply, toChunks } from './stream.ts';
import { countContents } from './tokens.ts';
import { type GeminiValidation, modelCall, readGemini, validateGemini } from './validate.ts';

export interface FakeGeminiOptions extends Omit<GeminiValidation, 'cache'> {
  /** The only key that is taken. Default `fake-gemini-key`. */
  readonly apiKey?: string;
  /** Unix milliseconds, for the expiry of caches. Default the machine's clock. */
  readonly now?: () => number;
  /** Whether calls carry an id. Default: from generation 3 on, as recorded. */
  readonly callIds?: boolean;
}

export interface FakeGemini extends FakeServer {
  /** `http://127.0.0.1:port/v1beta` */
  readonly url: string;
  readonly apiKey: string;
  /** The living cachedContents. */
  caches(): StoredCache[];
}

/** A fake of the Gemini API that refuses what the real one refuses. */
export async function startFakeGemini(options: FakeGeminiOptions = {}): Promise<FakeGemini> {
  const apiKey = options.apiKey ?? 'fake-gemini-key';
  const store = new CacheStore(options.now ?? Date.now);
  const validation: GeminiValidation = {
    ...options,
    cache: (name) => {
      const found = store.find(name);
      return found === null ? null : { model: found.model, contents: (found.body.contents as Canonical[] | undefined) ?? [] };
    },
  };

  async function handle(request: FakeRequest, script: FakeScript | null): Promise<FakeReply> {
    const reply = typeof script === 'function' ? null : script;
    if (reply?.unchecked !== true) {
      const refusal = refuse(request, apiKey, validation);
      if (refusal !== null) {
        request.refusal = refusal.body;
        return errorReply(refusal, request);
      }
    }
    return (await scripted(script, request)) ?? answer(request, store, options);
  }

  const server = await startFakeServer(handle);
  return { ...server, url: `${server.origin}/v1beta`, apiKey, caches: () => store.all() };
}

function refuse(request: FakeRequest, apiKey: string, validation: GeminiValidation): GeminiError | null {
  const bearer = /^Bearer (.*)$/.exec(request.headers.authorization ?? '')?.[1];
  const key = request.headers['x-goog-api-key'] ?? request.query.get('key') ?? undefined;
  if (key === undefined && bearer === undefined) return noKey();
  if (key !== undefined && key !== apiKey) return badKey();
  if (key === undefined && bearer !== apiKey) return geminiError(401, 'Request had invalid authentication credentials.');
  if (request.method !== 'POST') return null;
  if (request.bytes.length > 0 && request.body === undefined)
    return invalid('Invalid JSON payload received. Unexpected end of string.');
  return validateGemini(request.path, request.body ?? {}, validation);
}

function answer(request: FakeRequest, store: CacheStore, options: FakeGeminiOptions): FakeReply {
  const call = modelCall(request.path);
  if (request.method === 'POST' && call !== null) return answerCall(request, call, store, options);
  const [, , resource, id] = request.path.split('/');
  const found =
    resource === 'models' ? models(request, id) : resource === 'cachedContents' ? caches(request, id, store) : compat(request);
  if (isError(found)) {
    request.refusal = found.body;
    return errorReply(found, request);
  }
  return { body: found };
}

function answerCall(
  request: FakeRequest,
  call: { model: string; method: string },
  store: CacheStore,
  options: FakeGeminiOptions,
): FakeReply {
  const family = geminiModel(call.model)!;
  const body = readGemini(request.path, request.body);
  switch (call.method) {
    case 'countTokens': {
      const counted = (body.generateContentRequest as Canonical | undefined) ?? body;
      const tokens = countContents(counted);
      return { body: { totalTokens: tokens, promptTokensDetails: [{ modality: 'TEXT', tokenCount: tokens }] } };
    }
    case 'embedContent':
      return { body: { embedding: embed(body, family.embedding!) } };
    case 'batchEmbedContents':
      return { body: { embeddings: (body.requests as Canonical[]).map((entry) => embed(entry, family.embedding!)) } };
    default: {
      const cache = body.cachedContent === undefined ? null : store.find(String(body.cachedContent));
      if (cache !== null) cache.uses += 1;
      const made = answerTo(body, {
        model: call.model,
        family,
        callIds: options.callIds ?? family.generation >= 3,
        cached: cache,
        number: request.number,
      });
      return call.method === 'streamGenerateContent' ? streamReply(toChunks(made), request) : { body: toResponse(made) };
    }
  }
}

function embed(request: Canonical, embedding: { dimensions: number; normalised: boolean }): Canonical {
  const parts = ((request.content as Canonical).parts as Canonical[]) ?? [];
  const text = parts.map((part) => part.text ?? '').join('\n');
  const dimensions = (request.outputDimensionality as number | undefined) ?? embedding.dimensions;
  return { values: embeddingOf(text, dimensions, embedding.dimensions, embedding.normalised) };
}

function models(request: FakeRequest, id: string | undefined): Canonical | GeminiError {
  if (request.method !== 'GET') return noMethod();
  return id === undefined ? listModels(request.query) : getModel(id);
}

function caches(request: FakeRequest, id: string | undefined, store: CacheStore): Canonical | GeminiError {
  const name = `cachedContents/${id}`;
  if (id === undefined && request.method === 'GET') return store.list(request.query);
  if (id === undefined && request.method === 'POST') return store.create(readGemini(request.path, request.body));
  if (request.method === 'GET') return store.get(name);
  if (request.method === 'PATCH') return store.patch(name, readGemini(request.path, request.body), request.query);
  return request.method === 'DELETE' ? store.delete(name) : noMethod();
}

function compat(request: FakeRequest): Canonical | GeminiError {
  if (!request.path.endsWith('/openai/chat/completions')) return noMethod();
  const { model } = request.body as { model: string };
  return {
    choices: [{ finish_reason: 'stop', index: 0, message: { content: 'You said something.', role: 'assistant' } }],
    created: 1_760_000_000,
    id: `fake-${request.number}`,
    model,
    object: 'chat.completion',
    usage: { completion_tokens: 5, prompt_tokens: 5, total_tokens: 10 },
  };
}
