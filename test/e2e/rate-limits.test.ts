import { expect, test } from 'vitest';
import { chat, errorBody } from '../helper/chat.ts';
import { opened } from '../helper/cleanup.ts';
import { ask as request } from '../helper/client.ts';
import { expectEnvelope } from '../helper/envelope.ts';
import { startGateway } from '../helper/gateway.ts';
import { ask, inPriority, patient } from '../helper/overlay.ts';
import { json } from '../helper/replies.ts';
import { startUpstream } from '../helper/upstream.ts';

const limited = errorBody('Slow down.', 'requests', 'rate_limit_exceeded');
const fromNow = (ms: number) => new Date(Date.now() + ms).toUTCString();

test.each([
  ['seconds', () => ({ 'retry-after': '5' }), 4, 5],
  ['milliseconds beside seconds', () => ({ 'retry-after': '9', 'retry-after-ms': '2500' }), 2, 3],
  ['a date', () => ({ date: fromNow(0), 'retry-after': fromNow(8_000) }), 7, 8],
  ['a date of a clock one hour ahead', () => ({ date: fromNow(3_600_000), 'retry-after': fromNow(3_608_000) }), 7, 8],
  ['a date in the past', () => ({ date: fromNow(0), 'retry-after': fromNow(-60_000) }), 0, 1],
  ['a negative number', () => ({ 'retry-after': '-1' }), 0, 1],
  ['an absurd number', () => ({ 'retry-after': '1e9' }), 3_599, 3_600],
  ['garbage', () => ({ 'retry-after': 'soon' }), 0, 1],
  ['nothing', () => ({}), 0, 1],
] as const)('A1 A2: 429 with %s in Retry-After is told with a sane wait', async (_name, headers, least, most) => {
  const upstream = opened(await startUpstream(json(429, limited, headers() as Record<string, string>)));
  const gateway = await startGateway({ overlay: patient(upstream.url), random: () => 0 });
  const reply = await request(gateway.url, { body: ask() });
  expect(reply.status).toBe(429);
  expect(expectEnvelope(reply)).toMatchObject({ type: 'requests', code: 'rate_limit_exceeded' });
  expect(reply.headers['retry-after']).toMatch(/^\d+$/);
  expect(Number(reply.headers['retry-after'])).toBeGreaterThanOrEqual(least);
  expect(Number(reply.headers['retry-after'])).toBeLessThanOrEqual(most);
});

test('A1: a target that asked for a wait is left alone for all of it, then asked again', { retry: 2 }, async () => {
  const first = opened(await startUpstream(json(429, limited, { 'retry-after-ms': '400' })));
  const second = opened(await startUpstream(chat));
  const gateway = await startGateway({ overlay: inPriority({ first: first.url, second: second.url }) });
  const until = performance.now() + 380;
  while (performance.now() < until) {
    expect((await request(gateway.url, { body: ask() })).headers['x-postern-provider']).toBe('second');
  }
  expect(first.calls).toHaveLength(1);
  first.script = chat;
  await expect.poll(async () => (await request(gateway.url, { body: ask() })).headers['x-postern-provider']).toBe('first');
});

test('A1: while the only target rests, callers are told 429 and the rest of the wait, without asking it', async () => {
  const upstream = opened(await startUpstream(json(429, limited, { 'retry-after': '30' })));
  const gateway = await startGateway({ overlay: patient(upstream.url) });
  await request(gateway.url, { body: ask() });
  const reply = await request(gateway.url, { body: ask() });
  expect(reply.status).toBe(429);
  expect(expectEnvelope(reply)).toMatchObject({ code: 'rate_limit_exceeded' });
  expect(Number(reply.headers['retry-after'])).toBeGreaterThan(25);
  expect(upstream.calls).toHaveLength(1);
});

test("A3: the operator's spent quota is told as 503, never as the caller's insufficient_quota", async () => {
  const upstream = opened(
    await startUpstream(json(429, errorBody('You exceeded your quota.', 'insufficient_quota', 'insufficient_quota'))),
  );
  const gateway = await startGateway({ overlay: patient(upstream.url) });
  const reply = await request(gateway.url, { body: ask() });
  expect(reply.status).toBe(503);
  expect(expectEnvelope(reply).code).toBe('upstream_unavailable');
  expect(reply.body.toString()).not.toContain('insufficient_quota');
});
