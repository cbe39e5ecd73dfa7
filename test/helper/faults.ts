import { chatBody, chunk, errorBody } from './chat.ts';
import { upstreamKey } from './overlay.ts';
import { answer, json, rawBytes, silence, sse } from './replies.ts';
import type { Script } from './upstream.ts';

/** One way an upstream fails before any content has been forwarded, and what it means. */
export interface Fault {
  /** Row of the fault catalogue. */
  readonly id: string;
  readonly name: string;
  readonly script: Script;
  /** Ledger: `attempts.reason`. */
  readonly reason: string;
  /** What a caller is told when no other target is left. */
  readonly status: number;
  readonly type: string;
  readonly code: string | null;
  readonly shouldRetry: boolean;
  /** Another target may be asked. Default true. */
  readonly failsOver?: boolean;
  /** Only this kind of request can meet it. */
  readonly only?: 'json' | 'stream';
}

/** Text that must not reach a caller: a key, an address, markup, a stack. */
export const canary = `${upstreamKey} http://10.9.8.7:81/internal <b>secret</b> at Object.<anonymous> (/srv/app.js:1:2)`;

const bad = { status: 502, type: 'server_error', code: 'upstream_error', shouldRetry: true } as const;
const busy = { status: 503, type: 'server_error', code: 'upstream_unavailable', shouldRetry: true } as const;
const late = { status: 504, type: 'server_error', code: 'upstream_timeout', shouldRetry: true } as const;
const limited = { status: 429, type: 'requests', code: 'rate_limit_exceeded', shouldRetry: true } as const;

const html = `<html><head><title>502 Bad Gateway</title></head><body>${canary}</body></html>`;
const page = { 'content-type': 'text/html' };
const role = chunk({ role: 'assistant', content: '' });
const streamed: Pick<Fault, 'only'> = { only: 'stream' };

const transport: readonly Fault[] = [
  { id: 'U5', name: 'reset before the headers', script: (_call, wire) => wire.rst(), reason: 'network', ...bad },
  { id: 'U6', name: 'closed before the headers', script: (_call, wire) => wire.fin(), reason: 'network', ...bad },
  {
    id: 'U7',
    name: 'a greeting of another protocol',
    script: rawBytes('SSH-2.0-OpenSSH_9.9\r\n', 'never'),
    reason: 'protocol',
    ...bad,
  },
  { id: 'U7', name: 'half a status line', script: rawBytes('HTTP/1.1 2', 'fin'), reason: 'network', ...bad },
  {
    id: 'U7',
    name: 'headers above 16 KiB',
    script: json(200, chatBody(), { 'x-big': 'x'.repeat(17_000) }),
    reason: 'protocol',
    ...bad,
  },
  { id: 'U8', name: 'silence beyond the first byte limit', script: silence, reason: 'timeout', ...late },
  { id: 'U8', name: 'headers, then silence', script: sse([], { cut: 0, end: 'never' }), reason: 'timeout', ...late },
  { id: 'U12', name: 'a body shorter than announced', script: json200({ cut: 50, end: 'fin' }), reason: 'network', ...bad },
  {
    id: 'U14',
    name: 'a bare 101',
    script: rawBytes('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n', 'never'),
    reason: 'network',
    ...bad,
  },
  {
    id: 'U17',
    name: 'a gzip header over plain bytes',
    script: json(200, chatBody(), { 'content-encoding': 'gzip' }),
    reason: 'protocol',
    ...bad,
  },
];

const answers: readonly Fault[] = [
  {
    id: 'A3',
    name: '429 for the quota of the account',
    script: json(429, errorBody(canary, 'insufficient_quota', 'insufficient_quota')),
    reason: 'quota',
    ...busy,
  },
  {
    id: 'A1',
    name: '429',
    script: json(429, errorBody(canary, 'requests', 'rate_limit_exceeded'), { 'retry-after': '5' }),
    reason: 'rate_limit',
    ...limited,
  },
  {
    id: 'A4',
    name: '529',
    script: json(529, { type: 'error', error: { type: 'overloaded_error', message: canary } }),
    reason: 'overloaded',
    ...busy,
  },
  { id: 'A5', name: '500', script: json(500, errorBody(canary)), reason: 'server', ...bad },
  { id: 'A5', name: '502', script: json(502, errorBody(canary)), reason: 'server', ...bad },
  { id: 'A5', name: '503', script: json(503, errorBody(canary)), reason: 'overloaded', ...busy },
  { id: 'A5', name: '504', script: json(504, errorBody(canary)), reason: 'timeout', ...late },
  {
    id: 'A6',
    name: '401',
    script: json(401, errorBody(`Incorrect API key provided: ${canary}`, 'invalid_request_error', 'invalid_api_key')),
    reason: 'authentication',
    ...bad,
    shouldRetry: false,
  },
  {
    id: 'A6',
    name: '403',
    script: json(403, errorBody(canary, 'permission_error')),
    reason: 'authentication',
    ...bad,
    shouldRetry: false,
  },
  { id: 'A9', name: '200 with an error object', script: json(200, errorBody(canary, 'server_error')), reason: 'server', ...bad },
  {
    id: 'A9',
    name: '200 with an error in an array',
    script: json(200, [{ error: { code: 503, message: canary, status: 'UNAVAILABLE' } }]),
    reason: 'overloaded',
    ...busy,
  },
  { id: 'A10', name: '200 with an HTML page', script: answer(html, { headers: page }), reason: 'protocol', ...bad },
  { id: 'A10', name: '502 with an HTML page', script: answer(html, { status: 502, headers: page }), reason: 'server', ...bad },
  { id: 'A11', name: '200 with an empty body', script: json(200, ''), reason: 'protocol', ...bad },
  {
    id: 'A11',
    name: '200 with JSON cut short',
    script: json(200, JSON.stringify(chatBody()).slice(0, 60)),
    reason: 'protocol',
    ...bad,
  },
  { id: 'A11', name: '204', script: rawBytes('HTTP/1.1 204 No Content\r\n\r\n', 'keep'), reason: 'protocol', ...bad },
  {
    id: 'A12',
    name: '200 without choices',
    script: json(200, { id: 'x', object: 'chat.completion' }),
    reason: 'protocol',
    ...bad,
  },
];

const streams: readonly Fault[] = [
  { id: 'S12', name: 'a stream that ends before content', script: sse([role]), reason: 'truncated', ...bad, ...streamed },
  {
    id: 'U10',
    name: 'a stream reset before content',
    script: sse([role], { cut: role.length, end: 'rst' }),
    reason: 'network',
    ...bad,
    ...streamed,
  },
  {
    id: 'U11',
    name: 'a close-delimited stream cut before content',
    script: sse([role], { cut: 30, framing: 'close', end: 'fin' }),
    reason: 'truncated',
    ...bad,
    ...streamed,
  },
  {
    id: 'S10',
    name: 'an error event before content',
    script: sse([role, `data: ${JSON.stringify(errorBody(canary))}`]),
    reason: 'server',
    ...bad,
    ...streamed,
  },
  {
    id: 'S10',
    name: 'an overloaded error event before content',
    script: sse([
      `event: error\ndata: ${JSON.stringify({ type: 'error', error: { type: 'overloaded_error', message: canary } })}`,
    ]),
    reason: 'overloaded',
    ...busy,
    ...streamed,
  },
  { id: 'S9', name: 'junk in place of the first event', script: sse(['data: <junk>']), reason: 'protocol', ...bad, ...streamed },
];

function json200(options: { cut: number; end: 'fin' }): Script {
  return answer(JSON.stringify(chatBody()), { headers: { 'content-type': 'application/json' }, ...options });
}

/** Everything that may be hidden by another target. */
export const faults: readonly Fault[] = [...transport, ...answers, ...streams];
