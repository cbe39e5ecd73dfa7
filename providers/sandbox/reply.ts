import type { HeaderMap, LocalReply } from '../provider.ts';

export type Step = LocalReply['steps'] extends Iterable<infer S> ? S : never;

/** `created` of everything here: 2026-01-01T00:00:00Z in unix seconds. A clock would make two runs differ. */
export const created = 1_767_225_600;

/** An error of the OpenAI dialect: status and the four members of its envelope. */
export interface Refusal {
  readonly status: number;
  readonly type: string;
  readonly code: string | null;
  readonly message: string;
  readonly param?: string | null;
  readonly headers?: HeaderMap;
}

export function envelope({ message, type, param, code }: Refusal): Record<string, unknown> {
  return { error: { message, type, param: param ?? null, code } };
}

export function badRequest(message: string, param: string | null, code = 'invalid_value'): Refusal {
  return { status: 400, type: 'invalid_request_error', code, message, param };
}

export function reply(status: number, contentType: string, steps: Iterable<Step>, headers: HeaderMap = {}): LocalReply {
  return { status, headers: { 'content-type': contentType, ...headers }, steps };
}

export function jsonReply(body: unknown, status = 200, headers: HeaderMap = {}): LocalReply {
  return reply(status, 'application/json', [{ after: 0, bytes: Buffer.from(JSON.stringify(body)) }], headers);
}

export function refuse(refusal: Refusal): LocalReply {
  return jsonReply(envelope(refusal), refusal.status, refusal.headers);
}

/** One server-sent event; `event` only where the dialect names it. */
export function sse(data: unknown, event?: string): Buffer {
  const name = event === undefined ? '' : `event: ${event}\n`;
  return Buffer.from(`${name}data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`);
}
