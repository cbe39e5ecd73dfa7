import { type FakeReply, type FakeRequest, type FakeScript, type FakeServer, scripted, startFakeServer } from '../server.ts';
import { answerTo } from './answer.ts';
import { type AnthropicError, anthropicError, invalid } from './errors.ts';
import { anthropicModel, listedModels } from './models.ts';
import { eventReply, toEvents } from './stream.ts';
import { countPrompt, PrefixCache } from './tokens.ts';
import { type AnthropicValidation, validateAnthropic } from './validate.ts';

export interface FakeAnthropicOptions extends Omit<AnthropicValidation, 'beta'> {
  /** The only key that is taken. Default `fake-anthropic-key`. */
  readonly apiKey?: string;
  /** Unix milliseconds, for the expiry of cached prefixes. Default the machine's clock. */
  readonly now?: () => number;
}

export interface FakeAnthropic extends FakeServer {
  /** `http://127.0.0.1:port/v1` */
  readonly url: string;
  readonly apiKey: string;
}

/** The largest body, in bytes. */
const maxBytes = 32 * 1024 * 1024;

/** A fake of the Anthropic API that refuses what the real one refuses. */
export async function startFakeAnthropic(options: FakeAnthropicOptions = {}): Promise<FakeAnthropic> {
  const apiKey = options.apiKey ?? 'fake-anthropic-key';
  const cache = new PrefixCache(options.now ?? Date.now);

  async function handle(request: FakeRequest, script: FakeScript | null): Promise<FakeReply> {
    const id = `req_011Fake${String(request.number).padStart(17, '0')}`;
    const unchecked = typeof script !== 'function' && script?.unchecked === true;
    const refusal = unchecked ? null : refuse(request, apiKey, options);
    if (refusal !== null) return refused(request, refusal, id);
    const reply = (await scripted(script, request)) ?? answer(request, cache);
    if ('body' in reply && isRefusal(reply.body)) request.refusal = reply.body;
    return { ...reply, headers: { 'request-id': id, ...limits, ...reply.headers } };
  }

  const server = await startFakeServer(handle);
  return { ...server, url: `${server.origin}/v1`, apiKey };
}

const limits = {
  'anthropic-ratelimit-requests-limit': '4000',
  'anthropic-ratelimit-requests-remaining': '3999',
  'anthropic-ratelimit-requests-reset': '2026-11-22T12:00:00Z',
};

function refused(request: FakeRequest, refusal: AnthropicError, id: string): FakeReply {
  const body = { ...refusal.body, request_id: id };
  request.refusal = body;
  return { status: refusal.status, body, headers: { 'request-id': id } };
}

function refuse(request: FakeRequest, apiKey: string, options: AnthropicValidation): AnthropicError | null {
  const key = request.headers['x-api-key'] ?? /^Bearer (.*)$/.exec(request.headers.authorization ?? '')?.[1];
  if (key === undefined) return anthropicError(401, 'x-api-key header is required');
  if (key !== apiKey) return anthropicError(401, 'invalid x-api-key');
  const version = request.headers['anthropic-version'];
  if (version === undefined) return invalid('anthropic-version: header is required');
  if (version !== '2023-06-01') return invalid(`anthropic-version: "${version}" is not a valid version`);
  if (request.method !== 'POST') return null;
  if (request.bytes.length > maxBytes) return anthropicError(413, 'Request exceeds the maximum size');
  if (request.body === undefined) return invalid('The request body is not valid JSON');
  const beta = request.headers['anthropic-beta'] !== undefined || request.query.get('beta') === 'true';
  return validateAnthropic(request.path, request.body, { ...options, beta });
}

function answer(request: FakeRequest, cache: PrefixCache): FakeReply {
  if (request.method === 'GET') return models(request);
  const body = request.body as Record<string, unknown>;
  if (request.path.endsWith('/count_tokens')) return { body: { input_tokens: countPrompt(body) } };
  const model = anthropicModel(String(body.model))!;
  const message = answerTo(body, cache.use(body, model), request.number);
  return body.stream === true ? eventReply(toEvents(message)) : { body: message };
}

function models(request: FakeRequest): FakeReply {
  const id = /^\/v1\/models\/(.+)$/.exec(request.path)?.[1];
  if (id !== undefined) {
    return anthropicModel(id) === null ? { status: 404, body: anthropicError(404, `model: ${id}`).body } : { body: describe(id) };
  }
  if (request.path !== '/v1/models') return { status: 404, body: anthropicError(404, 'Not Found').body };
  const size = Math.min(Math.max(Number(request.query.get('limit') ?? 20) || 20, 1), 1000);
  const start = listedModels.indexOf(request.query.get('after_id') ?? '') + 1;
  const page = listedModels.slice(start, start + size);
  return {
    body: {
      data: page.map(describe),
      has_more: start + size < listedModels.length,
      first_id: page[0] ?? null,
      last_id: page.at(-1) ?? null,
    },
  };
}

function describe(id: string): Record<string, unknown> {
  const family = anthropicModel(id)!;
  return {
    type: 'model',
    id,
    display_name: id,
    created_at: '2026-01-01T00:00:00Z',
    max_input_tokens: 1_000_000,
    max_tokens: family.maxTokens,
  };
}

function isRefusal(body: unknown): boolean {
  return typeof body === 'object' && body !== null && (body as { type?: unknown }).type === 'error';
}
