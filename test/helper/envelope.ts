import { expect } from 'vitest';
import { jsonOf, type Reply } from './client.ts';
import { canary } from './faults.ts';

export interface ErrorObject {
  readonly message: string;
  readonly type: string;
  readonly param: string | null;
  readonly code: string | null;
}

/** Asserts the one form every failure has, with nothing in it that a caller must not see; returns the error. */
export function expectEnvelope(reply: Reply): ErrorObject {
  expect(reply.status).toBeGreaterThanOrEqual(400);
  expect(reply.headers['content-type']).toMatch(/^application\/json/);
  expect(reply.headers['cache-control']).toBe('no-store');
  expect(reply.headers['x-should-retry']).toMatch(/^(true|false)$/);
  const document = jsonOf<{ error: ErrorObject }>(reply);
  expect(Object.keys(document)).toEqual(['error']);
  const { error } = document;
  expect(Object.keys(error).sort()).toEqual(['code', 'message', 'param', 'type']);
  expect(error.message.length).toBeGreaterThan(10);
  expectNothingSecret(`${reply.head}${reply.body}`);
  return error;
}

/** No key, address, markup or stack. */
export function expectNothingSecret(text: string): void {
  for (const part of canary.split(' ').filter((each) => each.length > 7)) expect(text).not.toContain(part);
  expect(text).not.toMatch(
    /sk-[A-Za-z0-9-]{8}|https?:\/\/(?!127\.0\.0\.1)|<\/?(?:html|head|body|title|b|h1|p|script)>|\.[jt]s:\d+|\/node_modules\//,
  );
}
