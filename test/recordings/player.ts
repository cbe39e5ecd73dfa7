import type { RecordedCall } from '../helper/http-request.ts';
import { upstreamKey } from '../helper/overlay.ts';
import { answer as scripted } from '../helper/replies.ts';
import { startUpstream, type Upstream } from '../helper/upstream.ts';
import { randomSplits } from './splits.ts';
import type { Dialect, Operation } from './upstream-answers.ts';
import { providerOf, type Way } from './ways.ts';

/** Pieces that a body is sent in, at most. */
const pieces = 24;

/** Stands in for all providers: sends the answer whose number is in the request. */
export interface Player {
  readonly upstream: Upstream;
  /** The text of a prompt that is answered by this; `sent` gets the request. */
  expect(way: Way, sent?: (call: RecordedCall) => void): string;
}

export async function startPlayer(): Promise<Player> {
  const awaited = new Map<string, { readonly way: Way; readonly sent: ((call: RecordedCall) => void) | undefined }>();
  const upstream = await startUpstream(
    (call, wire) => {
      const found = awaited.get(/replay:\d+;/.exec(call.body.toString('utf8'))?.[0] ?? '');
      if (found === undefined || !isRight(found.way, call)) return scripted('', { status: 502 })(call, wire);
      found.sent?.(call);
      const { way } = found;
      const { body, status, headers } = way.answer;
      const splits = way.seed === null ? [] : randomSplits(body.length, way.seed, pieces);
      return scripted(body, { status, headers, framing: 'chunked', splits })(call, wire);
    },
    { forget: true },
  );
  return {
    upstream,
    expect(way, sent) {
      const mark = `replay:${awaited.size};`;
      awaited.set(mark, { way, sent });
      return mark;
    },
  };
}

/** The configuration of a gateway that has a provider of every kind here. */
export function providersAt({ port }: Upstream): object {
  const at = (path: string) => ({ base_url: `http://127.0.0.1:${port}${path}`, api_key: upstreamKey, catalogue: false });
  return {
    openai: { type: 'openai', ...at('/openai/v1') },
    compatible: { type: 'openai-compatible', operations: ['chat', 'embeddings', 'responses'], ...at('/compatible/v1') },
    gemini: { type: 'gemini', ...at('/gemini/v1beta') },
    'vertex-gemini': {
      type: 'gemini',
      version: '',
      auth: { header: 'authorization', scheme: 'Bearer' },
      ...at('/vertex-gemini/v1/projects/p/locations/global/publishers/google'),
    },
    anthropic: { type: 'anthropic', ...at('/anthropic/v1') },
  };
}

/** Where a provider of each dialect is asked. */
const places: Readonly<Record<Dialect, Partial<Record<Operation, RegExp>>>> = {
  openai: { chat: /\/v1\/chat\/completions$/, responses: /\/v1\/responses$/, embeddings: /\/v1\/embeddings$/ },
  anthropic: { chat: /\/v1\/messages$/ },
  gemini: {
    chat: /\/models\/[^/]+:(?:generateContent|streamGenerateContent\?alt=sse)$/,
    embeddings: /\/models\/[^/]+:(?:embedContent|batchEmbedContents)$/,
  },
};

const keys: Readonly<Record<string, string>> = { gemini: 'x-goog-api-key', anthropic: 'x-api-key' };

/** The request is at its provider, in the right place, with its key, and wants a stream where the client wants one. */
function isRight(way: Way, call: RecordedCall): boolean {
  const { dialect, operation } = way.answer;
  const provider = providerOf(way.answer);
  const streams = dialect === 'gemini' ? /:stream/.test(call.path) : (call.json as { stream?: unknown }).stream === true;
  const key = call.headers[keys[provider] ?? 'authorization'];
  const place = places[dialect][operation]?.test(call.path) === true && call.path.startsWith(`/${provider}/`);
  return place && streams === way.stream && key?.endsWith(upstreamKey) === true;
}
