import { isUtf8 } from 'node:buffer';
import type { Received } from './conversation.ts';

// What every answer of the gateway has to be, whoever asked for it and whatever went wrong.

/** Reply headers the gateway may send; everything else came from somewhere it must not come from. */
const allowedHeaders: ReadonlySet<string> = new Set([
  'content-type',
  'content-length',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'date',
  'cache-control',
  'etag',
  'vary',
  'allow',
  'retry-after',
  'retry-after-ms',
  'x-should-retry',
  'x-request-id',
  'x-content-type-options',
  'content-security-policy',
  'referrer-policy',
  'x-frame-options',
  'access-control-allow-origin',
  'access-control-allow-methods',
  'access-control-allow-headers',
  'x-postern-exchange-id',
  'x-postern-provider',
  'x-postern-model',
  'x-postern-attempts',
  'x-postern-cost-usd',
  'x-postern-warnings',
]);

export interface ErrorObject {
  readonly message: string;
  readonly type: string;
  readonly param: string | null;
  readonly code: string | null;
}

function errorIn(document: unknown): ErrorObject | null {
  const { error, ...others } = document as { error?: ErrorObject };
  if (typeof error !== 'object' || error === null || Object.keys(others).length > 0) return null;
  const { message, type, param, code, ...more } = error;
  const texts = typeof message === 'string' && message !== '' && typeof type === 'string' && type !== '';
  const labels = (param === null || typeof param === 'string') && (code === null || typeof code === 'string');
  return texts && labels && Object.keys(more).length === 0 ? error : null;
}

/** The document of a JSON answer, `undefined` when it is none. */
export function documentOf({ body }: Received): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

/** What is wrong with an answer that is no success: the envelope, its headers, its status. Null when nothing is. */
export function envelopeFault(reply: Received, method: string): string | null {
  const { status, headers } = reply;
  if (status === 500) return 'status 500';
  if (status < 400 || status > 599) return `status ${status}`;
  if (!/^application\/json(?:; charset=utf-8)?$/.test(headers['content-type'] ?? ''))
    return `content-type ${headers['content-type']}`;
  if (headers['cache-control'] !== 'no-store') return `cache-control ${headers['cache-control']}`;
  if (!/^(?:true|false)$/.test(headers['x-should-retry'] ?? '')) return `x-should-retry ${headers['x-should-retry']}`;
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(headers['x-request-id'] ?? '')) return `x-request-id ${headers['x-request-id']}`;
  if (method === 'HEAD') return null;
  if (!isUtf8(reply.body)) return 'the body is no UTF-8';
  const error = errorIn(documentOf(reply));
  if (error === null) return 'the body is no error envelope';
  return error.code === 'internal_error' ? 'internal_error' : null;
}

/** A header that does not belong on an answer of the gateway, or a secret anywhere in it. */
export function leak({ head, headers, body }: Received, secrets: readonly string[]): string | null {
  for (const name of Object.keys(headers)) if (!allowedHeaders.has(name)) return `the header ${name}`;
  const text = `${head}\n${body.toString('latin1')}`;
  const found = secrets.findIndex((secret) => text.includes(secret));
  return found === -1 ? null : `a secret (form ${found})`;
}

/** Every form in which a secret may come out: as it is, its last characters, encoded for a URL, in base64. */
export function formsOf(secrets: readonly string[]): string[] {
  return secrets.flatMap((secret) => {
    const base64 = Buffer.from(secret).toString('base64').replace(/=+$/, '');
    return [secret, secret.slice(-10), encodeURIComponent(secret), base64.slice(0, -2)];
  });
}

/** What is wrong with a whole event stream of the chat dialect: neither a good end nor an error event at its end. */
export function chatStreamFault(body: Buffer): string | null {
  const events = eventsIn(body);
  if (typeof events === 'string') return events;
  const ended = new Map<number, boolean>();
  for (const [at, { data }] of events.entries()) {
    const last = at === events.length - 1;
    if (data === '[DONE]') {
      if (!last) return 'something follows [DONE]';
      if (ended.size === 0) return '[DONE] without any answer';
      return [...ended.values()].every(Boolean) ? null : '[DONE] before every choice has finished';
    }
    const chunk = parsed(data);
    if (chunk === undefined) return `an event that is no JSON: ${data.slice(0, 200)}`;
    if (isInterruption(chunk)) return last ? null : 'something follows the error event';
    for (const { index, finish_reason: reason } of chunk.choices ?? []) {
      ended.set(index ?? 0, ended.get(index ?? 0) === true || Boolean(reason));
    }
  }
  return 'the stream ends without [DONE] and without an error event';
}

interface Chunk {
  readonly type?: unknown;
  readonly error?: unknown;
  readonly choices?: readonly { index?: number | null; finish_reason?: unknown }[] | null;
}

/** The same for the dialect with named events, whose terminal event is a completed response. */
export function responsesStreamFault(body: Buffer): string | null {
  const events = eventsIn(body);
  if (typeof events === 'string') return events;
  for (const [at, { event, data }] of events.entries()) {
    const payload = parsed(data);
    if (payload === undefined) return `an event that is no JSON: ${data.slice(0, 200)}`;
    const type = typeof payload.type === 'string' && payload.type !== '' ? payload.type : event;
    const ends = isInterruption(payload) || type === 'response.completed' || type === 'response.incomplete';
    if (ends) return at === events.length - 1 ? null : `something follows ${type}`;
  }
  return 'the stream ends without a terminal event and without an error event';
}

function isInterruption(chunk: Chunk): boolean {
  const { error } = chunk as { error?: ErrorObject };
  return typeof error === 'object' && error !== null && error.code === 'stream_interrupted' && errorIn({ error }) !== null;
}

function parsed(data: string): Chunk | undefined {
  try {
    const value: unknown = JSON.parse(data);
    return typeof value === 'object' && value !== null ? (value as Chunk) : undefined;
  } catch {
    return undefined;
  }
}

interface StreamEvent {
  readonly event: string;
  readonly data: string;
}

/** The events as the gateway writes them: LF, a blank line behind each one. Or what is wrong with them. */
function eventsIn(body: Buffer): StreamEvent[] | string {
  const text = body.toString('utf8');
  if (!text.endsWith('\n\n')) return 'the stream ends inside an event';
  const events: StreamEvent[] = [];
  for (const block of text.slice(0, -2).split('\n\n')) {
    const lines = block.split('\n').filter((line) => !line.startsWith(':'));
    if (lines.length === 0) continue;
    let event = '';
    const data: string[] = [];
    for (const line of lines) {
      if (line.startsWith('event: ')) event = line.slice(7);
      else if (line.startsWith('data: ')) data.push(line.slice(6));
      else return `a line that is no field: ${line.slice(0, 100)}`;
    }
    events.push({ event, data: data.join('\n') });
  }
  return events;
}
