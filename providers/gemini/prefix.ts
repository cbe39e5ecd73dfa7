import { createHash } from 'node:crypto';
import type { CallBody, KeptPrefix, PromptPrefix, Target, UpstreamRequest } from '../provider.ts';
import { TranslationError } from '../provider.ts';
import type { CacheHint } from '../unified.ts';
import { isObject, parseBody, protocolError, textOf } from '../wire/json.ts';
import { quantityOf } from '../wire/quantities.ts';
import { answerFailure } from './failure.ts';
import { factsOf } from './models.ts';
import { cachedContentsPath, headersOf, idOf, methodPath, modelName } from './paths.ts';
import { documentOf, type EncodedChat } from './request/encode.ts';
import { contentsOf, type Piece } from './request/pieces.ts';
import { estimateTokens } from './tokens.ts';

/** Where neither the mark nor the configuration says how long: as long as the shortest cache of another vendor. */
const DEFAULT_TTL_MS = 300_000;
const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** Longest and shortest life that is asked for. */
const MAX_TTL_MS = 86_400_000;
const MIN_TTL_MS = 60_000;

/** `auto` goes behind the first user message where that is so many times as long as what stands before it. */
const MUCH_LONGER = 4;

interface Cut {
  readonly wanted: PromptPrefix['wanted'];
  /** Pieces of the conversation that belong to the prefix. */
  readonly at: number;
  readonly ttl: CacheHint | null;
}

/**
 * The beginning of a request that a cached content could hold: `systemInstruction`, `tools`, `toolConfig` and the first contents.
 * Undefined when the caller marked nothing and the configuration does not want it by itself, when it is too short for the model,
 * or the model keeps none, or the caller uses a cached content of its own.
 *
 * With marks it ends behind the last one; a user's message may be cut between its parts (two contents of one role in a row are
 * one turn). What follows has to begin with something other than results of a call, and something has to follow. `auto` has to find
 * the same beginning in many calls: it takes the system instruction and the tools, which all conversations of an application
 * share, and the first user message only where it is worth more: when it makes the difference to the least size, or is several
 * times as long (a document that is asked about). Later turns never move the cut, so a conversation does not make a new one
 * with every turn.
 */
export function prefixOf(chat: EncodedChat, target: Target, scope: Scope): PromptPrefix | undefined {
  const settings = target.provider.config.context_cache ?? {};
  const mode = settings.mode ?? 'marker';
  if (mode === 'off' || chat.cachedContent) return undefined;
  const marked = lastMark(chat);
  if (marked === null && mode !== 'auto') return undefined;
  const minTokens = leastOf(settings.min_tokens, target.model) ?? factsOf(target.model).minCacheTokens;
  if (minTokens === undefined) return undefined;
  if (marked === null && settings.models !== undefined && bestMatch(settings.models, target.model) === null) return undefined;
  const cut = marked ?? autoCut(chat, minTokens, scope.cut);
  if (cut === null) return undefined;
  const kept = chat.pieces.slice(0, cut.at);
  const tokens = estimateTokens(chat.head, scope.cut) + piecesTokens(kept, scope.cut);
  if (tokens < minTokens || tokens === 0) return undefined;
  return promptPrefix(chat, target, scope, {
    cut,
    kept,
    tokens,
    minTokens,
    ttlMs: lifeOf(cut.ttl, settings.ttl),
  });
}

/** What else of a call the prefix depends on. */
export interface Scope {
  readonly stream: boolean;
  /** Never shown in a message. */
  readonly secrets: readonly string[];
  /** Texts of the request that only stand for long ones. */
  readonly cut: CallBody['cut'];
}

interface Chosen {
  readonly cut: Cut;
  readonly kept: readonly Piece[];
  readonly tokens: number;
  readonly minTokens: number;
  readonly ttlMs: number;
}

function promptPrefix(chat: EncodedChat, target: Target, scope: Scope, chosen: Chosen): PromptPrefix {
  const { provider } = target;
  const model = modelName(target);
  const contents = contentsOf(chosen.kept);
  const content = { ...chat.head, ...(contents.length === 0 ? {} : { contents }) };
  return {
    digest: createHash('sha256').update(model).update('\n').update(JSON.stringify(content)).digest('hex'),
    tokens: chosen.tokens,
    minTokens: chosen.minTokens,
    wanted: chosen.cut.wanted,
    ttlMs: chosen.ttlMs,
    create: () => ({
      method: 'POST',
      path: cachedContentsPath(provider),
      headers: headersOf(provider, false),
      body: Buffer.from(JSON.stringify({ model, ...content, ttl: durationOf(chosen.ttlMs) })),
    }),
    created: (bytes) => readCachedContent(bytes, scope.secrets),
    using: (name) => usingRequest(chat, target, scope.stream, chosen, name),
  };
}

function usingRequest(chat: EncodedChat, target: Target, stream: boolean, chosen: Chosen, name: string): UpstreamRequest {
  const document = { ...documentOf(chat, {}, chat.pieces.slice(chosen.cut.at)), cachedContent: name };
  return chatRequest(target, document, stream);
}

/** The call itself, whole or with its prefix taken out. */
export function chatRequest(target: Target, document: Readonly<Record<string, unknown>>, stream: boolean): UpstreamRequest {
  return {
    method: 'POST',
    path: stream ? methodPath(target, 'streamGenerateContent', 'alt=sse') : methodPath(target, 'generateContent'),
    headers: headersOf(target.provider, stream),
    body: Buffer.from(JSON.stringify(document)),
  };
}

/** Behind the last mark, or before it where nothing would follow; null without one. */
function lastMark(chat: EncodedChat): Cut | null {
  const last = chat.pieces.findLastIndex((piece) => piece.cache !== undefined);
  if (last === -1) return chat.headCache === null ? null : { wanted: 'marker', at: 0, ttl: chat.headCache };
  let at = Math.min(last + 1, chat.pieces.length - 1);
  while (at > 0 && !canFollow(chat.pieces, at)) at--;
  return { wanted: 'marker', at, ttl: chat.pieces[last]!.cache ?? null };
}

/** Whether a request may begin with this piece: not with results, calls or the middle of a turn of the model. */
function canFollow(pieces: readonly Piece[], at: number): boolean {
  const piece = pieces[at]!;
  if (piece.kind === 'results') return false;
  if (piece.role === 'user') return true;
  return pieces[at - 1]?.role !== 'model' && !piece.parts.some((part) => part.functionCall !== undefined);
}

function autoCut(chat: EncodedChat, minTokens: number, long: CallBody['cut']): Cut | null {
  const { pieces } = chat;
  const head = estimateTokens(chat.head, long);
  const first = pieces.findIndex((piece) => piece.message !== pieces[0]!.message);
  // The only message there is keeps its last part for the request.
  let at = first === -1 ? pieces.length - 1 : first;
  while (at > 0 && !canFollow(pieces, at)) at--;
  const message = pieces[0]!.role === 'user' ? piecesTokens(pieces.slice(0, at), long) : 0;
  if (at > 0 && head + message >= minTokens && (head < minTokens || message >= MUCH_LONGER * head)) {
    return { wanted: 'auto', at, ttl: null };
  }
  return head >= minTokens ? { wanted: 'auto', at: 0, ttl: null } : null;
}

function piecesTokens(pieces: readonly Piece[], cut: CallBody['cut']): number {
  let tokens = 0;
  for (const piece of pieces) tokens += estimateTokens(piece.parts, cut);
  return tokens;
}

/** `5m`, `1h`, `300s` of a mark; else as configured. */
function lifeOf(mark: CacheHint | null, configured: number | undefined): number {
  const [, amount, unit] = /^(\d{1,6})\s*([smhd])$/.exec(mark?.ttl ?? '') ?? [];
  const said = amount === undefined ? (configured ?? DEFAULT_TTL_MS) : Number(amount) * UNITS[unit!]!;
  return Math.min(MAX_TTL_MS, Math.max(MIN_TTL_MS, Math.ceil(said / 1000) * 1000));
}

/** `google.protobuf.Duration` in its JSON form, whole seconds. */
export function durationOf(ms: number): string {
  return `${Math.max(1, Math.ceil(ms / 1000))}s`;
}

/** The number of the longest pattern that fits. */
function leastOf(table: Readonly<Record<string, number>> | undefined, model: string): number | undefined {
  const pattern = table === undefined ? null : bestMatch(Object.keys(table), model);
  return pattern === null ? undefined : table![pattern];
}

/** The longest of the model ids and patterns (`gemini-2.5-*`) that fits; null for none. */
function bestMatch(patterns: readonly string[], model: string): string | null {
  const id = idOf(model);
  const fits = (pattern: string) =>
    pattern === model || pattern === id || (pattern.endsWith('*') && id.startsWith(pattern.slice(0, -1)));
  let best: string | null = null;
  for (const pattern of patterns) if (fits(pattern) && (best === null || pattern.length > best.length)) best = pattern;
  return best;
}

/** The answer to a create: a `CachedContent`. Throws `TranslationError`. */
function readCachedContent(bytes: Buffer, secrets: readonly string[]): KeptPrefix {
  const body = parseBody(bytes);
  const failure = answerFailure(body, secrets);
  if (failure !== null) throw new TranslationError(failure);
  return keptPrefix(body) ?? protocolError('The provider answered without the name of a cached content.');
}

/** A `CachedContent` resource; null for what is none. */
export function keptPrefix(resource: unknown): KeptPrefix | null {
  const name = isObject(resource) ? textOf(resource.name) : null;
  if (name === null || !isObject(resource) || !CACHED_NAME.test(name)) return null;
  const usage = isObject(resource.usageMetadata) ? resource.usageMetadata : {};
  return {
    name,
    model: idOf(textOf(resource.model) ?? ''),
    tokens: quantityOf(usage.totalTokenCount) ?? 0,
    createdAt: timeOf(resource.createTime),
    expiresAt: timeOf(resource.expireTime),
  };
}

/** A name can be a part of a path and of another request as it is. */
export const CACHED_NAME = /^(?:projects\/[\w.:-]{1,128}\/locations\/[\w-]{1,64}\/)?cachedContents\/[\w-]{1,128}$/;

function timeOf(value: unknown): number {
  const time = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(time) ? 0 : Math.max(0, time);
}
