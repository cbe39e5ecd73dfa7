import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { chatBody, chatStream } from '../helper/chat.ts';
import type { RecordedCall } from '../helper/http-request.ts';
import { json, sse } from '../helper/replies.ts';
import { streamNamed } from '../helper/streams.ts';
import type { Script } from '../helper/upstream.ts';

// An upstream that answers every call well, and notes every call that it should not have got.

const responsesAnswer = readFileSync(join(import.meta.dirname, '../fixtures/openai/responses-api.json'), 'utf8');

interface Body {
  readonly stream?: unknown;
  readonly input?: unknown;
  readonly encoding_format?: unknown;
  readonly stream_options?: { readonly include_usage?: unknown } | null;
}

function vectors({ input, encoding_format: format }: Body): unknown {
  const count = Array.isArray(input) && typeof input[0] !== 'number' ? input.length : 1;
  const embedding = format === 'base64' ? Buffer.alloc(12).toString('base64') : [0, 0.5, -1];
  const data = Array.from({ length: count }, (_, index) => ({ object: 'embedding', index, embedding }));
  return { object: 'list', data, model: 'up-1', usage: { prompt_tokens: 2, total_tokens: 2 } };
}

/** The right answer to a call of any operation. */
export const obedient: Script = (call, wire) => {
  const body = (call.json ?? {}) as Body;
  const path = call.path.split('?', 1)[0]!;
  if (path.endsWith('/embeddings')) return json(200, vectors(body))(call, wire);
  if (path.endsWith('/responses')) {
    if (body.stream === true) return sse(streamNamed('responses-text').bytes)(call, wire);
    return json(200, responsesAnswer)(call, wire);
  }
  return body.stream === true ? chatStream()(call, wire) : json(200, chatBody())(call, wire);
};

/** What the operator configured; a call may differ from it in nothing but its body, `via` and lengths. */
export interface Expected {
  readonly host: string;
  /** `/v1` and the query of the configuration. */
  readonly base: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
}

const always = new Set(['host', 'connection', 'content-length', 'content-type', 'accept', 'accept-encoding', 'via']);
const withheld = ['api_base', 'base_url', 'api_key', 'headers', 'extra_headers', 'gateway'];

/** What about a call was the caller's choice and must not be; null when nothing is. */
export function intrusion(call: RecordedCall, { host, base, query, headers }: Expected): string | null {
  if (call.method !== 'POST') return `method ${call.method}`;
  const paths = ['chat/completions', 'embeddings', 'responses'].map((path) => `${base}/${path}${query}`);
  if (!paths.includes(call.path)) return `target ${call.path}`;
  if (call.headers.host !== host) return `host ${call.headers.host}`;
  if (call.headers['content-type'] !== 'application/json') return `content-type ${call.headers['content-type']}`;
  if (!/(?:^|, )1\.1 postern-[0-9a-f]{12}$/.test(call.headers.via ?? '')) return `via ${call.headers.via}`;
  for (const [name, value] of Object.entries(call.headers)) {
    if (Object.hasOwn(headers, name) ? headers[name] !== value : !always.has(name)) return `header ${name}: ${value}`;
  }
  for (const name of Object.keys(headers)) if (call.headers[name] === undefined) return `the header ${name} is missing`;
  if (Number(call.headers['content-length']) !== call.body.length) return 'another length than announced';
  if (!isUtf8(call.body)) return 'a body that is no UTF-8';
  if (typeof call.json !== 'object' || call.json === null) return 'a body that is no JSON object';
  const member = withheld.find((name) => Object.hasOwn(call.json as object, name));
  return member === undefined ? null : `body member ${member}`;
}
