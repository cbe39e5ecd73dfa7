import type { ModelInfo } from '../provider.ts';
import { created, type Refusal } from './reply.ts';

/** How an answer is brought: its pauses in milliseconds, and how it ends. */
export interface Delivery {
  /** Before the first content. */
  readonly first: number;
  /** Before each further delta. */
  readonly each: number;
  readonly end: 'whole' | 'cut' | 'cut-before-content' | 'no-finish' | 'stall';
}

/** What a model does. `says`: where the words of its answer come from. */
export type Behaviour =
  | { readonly kind: 'answer'; readonly says: 'echo' | 'tools' | 'sentence' | 'long'; readonly delivery: Delivery }
  | { readonly kind: 'embed' }
  | { readonly kind: 'refuse'; readonly refusal: Refusal }
  | { readonly kind: 'raw'; readonly contentType: string; readonly body: string; readonly streamed?: string }
  | { readonly kind: 'error-in-200'; readonly refusal: Refusal };

const whole: Delivery = { first: 0, each: 0, end: 'whole' };
const ending = (end: Delivery['end']): Behaviour => ({ kind: 'answer', says: 'sentence', delivery: { ...whole, end } });

function failing(status: number, type: string, code: string | null, message: string, headers?: Refusal['headers']): Behaviour {
  return {
    kind: 'refuse',
    refusal: { status, type, code, message: `Sandbox fault: ${message}`, ...(headers ? { headers } : {}) },
  };
}

/** Every model of the sandbox, by id. Error types and codes are those of the OpenAI API reference. */
export const behaviours: ReadonlyMap<string, Behaviour> = new Map<string, Behaviour>([
  ['echo', { kind: 'answer', says: 'echo', delivery: whole }],
  ['tools', { kind: 'answer', says: 'tools', delivery: whole }],
  ['embed', { kind: 'embed' }],
  ['error-400', failing(400, 'invalid_request_error', 'invalid_value', 'the request is refused.')],
  ['error-401', failing(401, 'invalid_request_error', 'invalid_api_key', 'the API key is refused.')],
  ['error-403', failing(403, 'invalid_request_error', 'permission_denied', 'the key may not do this.')],
  ['error-404', failing(404, 'invalid_request_error', 'model_not_found', 'the model does not exist.')],
  ['error-429', failing(429, 'requests', 'rate_limit_exceeded', 'too many requests, wait 1 s.', { 'retry-after': '1' })],
  ['error-500', failing(500, 'server_error', null, 'the server failed.')],
  ['error-503', failing(503, 'service_unavailable_error', 'server_is_overloaded', 'the server is overloaded.')],
  ['error-529', failing(529, 'overloaded_error', 'overloaded', 'the server is overloaded.')],
  [
    'html',
    { kind: 'raw', contentType: 'text/html; charset=utf-8', body: '<!doctype html><title>Sandbox</title><h1>It works!</h1>\n' },
  ],
  [
    'junk',
    {
      kind: 'raw',
      contentType: 'application/json',
      body: '{"id":"junk","choices":[{',
      streamed: 'data: {"id":"junk","choices":[{\n\n',
    },
  ],
  [
    'error-in-200',
    {
      kind: 'error-in-200',
      refusal: { status: 200, type: 'server_error', code: 'server_error', message: 'Sandbox fault: an error under status 200.' },
    },
  ],
  ['slow', { kind: 'answer', says: 'echo', delivery: { first: 2000, each: 50, end: 'whole' } }],
  ['stall', ending('stall')],
  ['cut', ending('cut')],
  ['cut-before-content', ending('cut-before-content')],
  ['no-finish', ending('no-finish')],
  ['long', { kind: 'answer', says: 'long', delivery: whole }],
]);

/** What the models that break off say, as far as they get. */
export const sentence = 'This answer of the sandbox does not end the way an answer should, and that is on purpose.';

/** Deltas of the model `long`. */
export const longDeltas = 10_000;

export const builtin: readonly ModelInfo[] = [...behaviours.keys()].map((id) => ({ id, created, ownedBy: 'sandbox' }));
