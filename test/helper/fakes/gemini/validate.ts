import { checkCompat } from './compat.ts';
import { type ContentOptions, checkContent, checkContents } from './contents.ts';
import { checkBatch, checkEmbed } from './embeddings.ts';
import { type GeminiError, geminiError, invalid, noCache, noModel, unreadable, type Violation } from './errors.ts';
import { checkGeneration } from './generation.ts';
import {
  batchEmbedContentsRequest,
  cachedContent,
  countTokensRequest,
  embedContentRequest,
  generateContentRequest,
} from './messages.ts';
import { type GeminiModel, geminiModel } from './models.ts';
import { type Api, type Canonical, type Message, readMessage } from './proto.ts';
import { countContents } from './tokens.ts';
import { checkTools } from './tools.ts';

/** What the validator has to know of a cachedContent. */
export interface KnownCache {
  /** With `models/`. */
  readonly model: string;
  readonly contents: readonly Canonical[];
}

export interface GeminiValidation {
  /** Accept thought signatures of the real API. Default false. */
  readonly trustSignatures?: boolean;
  /** Accept base64 that a recording cut short. Default false. */
  readonly truncatedBase64?: boolean;
  /** Finds a living cachedContent; `trust` accepts any name. Default: there are none. */
  readonly cache?: ((name: string) => KnownCache | null) | 'trust';
  /** The fewest tokens of a cachedContent, instead of the models' own. */
  readonly minCacheTokens?: number | ((model: string) => number);
  /** Hosts that forbid fetching (recorded for this one). */
  readonly robotedHosts?: readonly string[];
}

const route =
  /^\/(?:v1|v1beta|v1alpha|v1beta1)(?:\/projects\/[^/]+\/locations\/[^/]+\/publishers\/google)?\/models\/([^/:]+):([A-Za-z]+)$/;
const requests: Readonly<Record<string, Message>> = {
  generateContent: generateContentRequest,
  streamGenerateContent: generateContentRequest,
  countTokens: countTokensRequest,
  embedContent: embedContentRequest,
  batchEmbedContents: batchEmbedContentsRequest,
};

/** The model and the method of a path; null where it is no call of a model. */
export function modelCall(path: string): { readonly model: string; readonly method: string } | null {
  const found = route.exec(path);
  return found === null ? null : { model: found[1]!, method: found[2]! };
}

/** Which of the two services a path belongs to. */
export function apiOf(path: string): Api {
  return path.includes('/publishers/google/') ? 'vertex' : 'gemini';
}

/** What the API says to a POST on `path` with the parsed `body`: null, or its refusal. */
export function validateGemini(path: string, body: unknown, options: GeminiValidation = {}): GeminiError | null {
  if (/\/openai\/chat\/completions$/.test(path)) return checkCompat(body);
  if (/^\/v1(beta)?\/cachedContents$/.test(path)) return validateCache(body, options);
  const call = modelCall(path);
  const message = call === null ? undefined : requests[call.method];
  if (call === null || message === undefined) return geminiError(404, 'Requested entity was not found.');
  const api = apiOf(path);
  const read = readBody(body, message, api, options);
  if ('error' in read) return read.error;
  const family = geminiModel(call.model);
  const asked = call.method === 'batchEmbedContents' ? 'embedContent' : call.method;
  if (family === null || !family.methods.includes(call.method)) return noModel(call.model, asked);
  const context = contextOf(api, call.model, family, options);
  switch (call.method) {
    case 'embedContent':
      return checkEmbed(read.value, 'EmbedContentRequest', context);
    case 'batchEmbedContents':
      return checkBatch(read.value, context);
    case 'countTokens': {
      const whole = read.value.generateContentRequest as Canonical | undefined;
      if (whole !== undefined) return checkGenerate(whole, context, options);
      return checkContents(contentsOf(read.value), 'CountTokensRequest.', { ...context, trustSignatures: true });
    }
    default:
      return checkGenerate(read.value, context, options);
  }
}

/** The body in its canonical form, for whoever answers it; throws where it cannot be read. */
export function readGemini(path: string, body: unknown): Canonical {
  const call = modelCall(path);
  const message = call === null ? cachedContent : requests[call.method];
  const out: Violation[] = [];
  const value = readMessage(body ?? {}, message ?? cachedContent, '', { api: apiOf(path), truncatedBase64: true }, out);
  if (out.length > 0) throw new Error(out[0]!.description);
  return value;
}

function checkGenerate(body: Canonical, context: ContentOptions, options: GeminiValidation): GeminiError | null {
  const contents = contentsOf(body);
  const system = body.systemInstruction as Canonical | undefined;
  const name = body.cachedContent as string | undefined;
  let cached: readonly Canonical[] = [];
  if (name !== undefined && name !== '') {
    if (system !== undefined || body.tools !== undefined || body.toolConfig !== undefined) {
      return invalid(
        'CachedContent can not be used with GenerateContent request setting system_instruction, tools or tool_config.\n\n' +
          'Proposed fix: move those values to CachedContent from GenerateContent request.',
      );
    }
    if (!/^(projects\/[^/]+\/locations\/[^/]+\/)?cachedContents\/[^/]+$/.test(name)) {
      return invalid('* GenerateContentRequest.cached_content: unexpected cached content name format\n');
    }
    const found = options.cache === 'trust' ? null : (options.cache?.(name) ?? null);
    if (found === null && options.cache !== 'trust') return noCache();
    if (found !== null && found.model !== `models/${context.model}`) {
      return invalid(
        `Model used by GenerateContent request (models/${context.model}) and CachedContent (${found.model}) has to be the same.`,
      );
    }
    cached = found?.contents ?? [];
  }
  // An empty list is refused whatever the cache holds; the order of turns is that of both together.
  if (contents.length === 0) return checkContents([], 'GenerateContentRequest.', context);
  return (
    checkContents([...cached, ...contents], 'GenerateContentRequest.', context) ??
    (system === undefined ? null : checkSystem(system, 'GenerateContentRequest.', context)) ??
    checkTools(body, 'GenerateContentRequest.', context.family, context.api) ??
    checkGeneration(body, context.model, context.family, context.api)
  );
}

function checkSystem(system: Canonical, where: string, context: ContentOptions): GeminiError | null {
  // The role of a system instruction is not looked at.
  return checkContent({ ...system, role: 'user' }, `${where}system_instruction`, context);
}

function validateCache(body: unknown, options: GeminiValidation): GeminiError | null {
  const read = readBody(body, cachedContent, 'gemini', options);
  if ('error' in read) return read.error;
  const name = read.value.model;
  if (typeof name !== 'string' || name === '')
    return invalid('* CreateCachedContentRequest.cached_content.model: model is not specified\n');
  if (!name.startsWith('models/'))
    return invalid('* CreateCachedContentRequest.cached_content.model: unexpected model name format\n');
  const model = name.slice('models/'.length);
  const family = geminiModel(model);
  if (family === null || family.minCacheTokens === null) return noModel(model, 'createCachedContent');
  const where = 'CreateCachedContentRequest.cached_content.';
  const context = { ...contextOf('gemini', model, family, options), family: { ...family, prefill: true } };
  const contents = contentsOf(read.value);
  const system = read.value.systemInstruction as Canonical | undefined;
  const error =
    (contents.length === 0 ? null : checkContents(contents, where, context)) ??
    (system === undefined ? null : checkSystem(system, where, context)) ??
    checkTools(read.value, where, family, 'gemini');
  if (error !== null) return error;
  const ttl = read.value.ttl as string | undefined;
  if (ttl !== undefined && Number.parseFloat(ttl) <= 0)
    return invalid('* CreateCachedContentRequest.cached_content.ttl: ttl must be positive\n');
  if (String(read.value.displayName ?? '').length > 128) {
    return invalid('* CreateCachedContentRequest.cached_content.display_name: must be at most 128 characters\n');
  }
  const tokens = countContents(read.value);
  const least = leastTokens(model, family, options);
  if (tokens < least) return invalid(`Cached content is too small. total_token_count=${tokens}, min_total_token_count=${least}`);
  return null;
}

function leastTokens(model: string, family: GeminiModel, options: GeminiValidation): number {
  const given = options.minCacheTokens;
  return (typeof given === 'function' ? given(model) : given) ?? family.minCacheTokens ?? 0;
}

function readBody(
  body: unknown,
  message: Message,
  api: Api,
  options: GeminiValidation,
): { value: Canonical } | { error: GeminiError } {
  const out: Violation[] = [];
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    return { error: invalid('Invalid JSON payload received. Expected an object.') };
  }
  const value = readMessage(body, message, '', { api, truncatedBase64: options.truncatedBase64 === true }, out);
  return out.length > 0 ? { error: unreadable(out) } : { value };
}

function contextOf(api: Api, model: string, family: GeminiModel, options: GeminiValidation): ContentOptions {
  const robotedHosts = options.robotedHosts ?? ['www.gstatic.com'];
  return { api, model, family, trustSignatures: options.trustSignatures === true, robotedHosts };
}

function contentsOf(body: Canonical): Canonical[] {
  return (body.contents as Canonical[] | undefined) ?? [];
}
