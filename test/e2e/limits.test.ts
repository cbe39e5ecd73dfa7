import OpenAI from 'openai';
import { beforeAll, describe, expect, test } from 'vitest';
import { chat, chatStream } from '../helper/chat.ts';
import { eventsOf, jsonOf } from '../helper/client.ts';
import { gated, type Limited, secretOf, startLimited } from '../helper/limited.ts';
import type { Script } from '../helper/upstream.ts';

// Rate limits and calls at once, from outside.

let rig: Limited;
const script = (next: Script): void => {
  rig.upstreams[0]!.script = next;
  rig.upstreams[0]!.calls.length = 0;
};

beforeAll(async () => {
  rig = await startLimited({
    scripts: [chat],
    keys: {
      two: { rate_limits: { requests_per_minute: 2 } },
      sdk: { rate_limits: { requests_per_minute: 2, tokens_per_minute: 100_000 } },
      free: {},
      thousand: { rate_limits: { tokens_per_minute: 1_000 } },
      single: { rate_limits: { concurrent_requests: 1 } },
      noisy: { rate_limits: { concurrent_requests: 4 } },
      once: { rate_limits: { requests_per_day: 1 } },
      closed: { rate_limits: { requests_per_minute: 0 } },
    },
    overlay: { limits: { algorithm: 'token_bucket' }, server: { keep_alive_comments: '0s', max_in_flight: 8 } },
  });
});

describe('requests per minute', () => {
  test('beyond the limit 429 rate_limit_exceeded of type requests, with a wait, and nothing is sent', async () => {
    script(chat);
    for (let at = 0; at < 2; at++) expect((await rig.call('two')).status).toBe(200);
    const refused = await rig.call('two');
    expect(refused.status).toBe(429);
    expect(jsonOf(refused)).toMatchObject({
      error: {
        type: 'requests',
        code: 'rate_limit_exceeded',
        message: expect.stringMatching(/2 requests per minute for the key `two`/),
      },
    });
    expect(refused.headers['x-should-retry']).toBe('true');
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect(Number(refused.headers['retry-after'])).toBeLessThanOrEqual(60);
    expect(refused.headers['x-ratelimit-remaining-requests']).toBe('0');
    expect(rig.upstreams[0]!.calls).toHaveLength(2);
    expect((await rig.call('free')).status).toBe(200);
  });

  test('the official client reads x-ratelimit-* of answers, streams and refusals', async () => {
    script(chat);
    const client = new OpenAI({ baseURL: `${rig.gateway.url}/v1`, apiKey: secretOf('sdk'), maxRetries: 0, logLevel: 'off' });
    const body = { model: 'm', messages: [{ role: 'user' as const, content: 'Hello' }], max_completion_tokens: 50 };
    const shown = (headers: { get(name: string): string | null }, measure: string) =>
      ['limit', 'remaining', 'reset'].map((each) => headers.get(`x-ratelimit-${each}-${measure}`));

    const first = await client.chat.completions.create(body).withResponse();
    expect(shown(first.response.headers, 'requests')).toEqual(['2', '1', '30s']);
    const [limit, remaining, reset] = shown(first.response.headers, 'tokens');
    expect(limit).toBe('100000');
    expect(Number(remaining)).toBeGreaterThan(99_000);
    expect(reset).toMatch(/^\d+ms$/);

    const second = await client.chat.completions.create({ ...body, stream: true }).withResponse();
    for await (const _ of second.data);
    expect(shown(second.response.headers, 'requests').slice(0, 2)).toEqual(['2', '0']);
    expect(second.response.headers.get('x-ratelimit-reset-requests')).toMatch(/^(1m0s|[\d.]+s)$/);

    const refused = await client.chat.completions.create(body).then(
      () => null,
      (error: unknown) => error,
    );
    expect(refused).toBeInstanceOf(OpenAI.RateLimitError);
    const { headers, code, type } = refused as InstanceType<typeof OpenAI.RateLimitError>;
    expect([code, type]).toEqual(['rate_limit_exceeded', 'requests']);
    expect(shown(headers!, 'requests').slice(0, 2)).toEqual(['2', '0']);
  });

  test('those of an address and of a model hold for all callers together, whose own they are not', async () => {
    const limits = { per_ip: { requests_per_day: 2 }, models: { 'm*': { requests_per_minute: 1 } } };
    const { call } = await startLimited({
      scripts: [chat],
      keys: { one: {}, other: {} },
      models: { n: { targets: [{ provider: 'a', model: 'up-1' }] } },
      overlay: { limits },
    });
    expect((await call('one')).status).toBe(200);
    const ofModel = await call('other');
    expect([ofModel.status, ofModel.headers['x-ratelimit-limit-requests']]).toEqual([429, undefined]);
    expect(jsonOf<{ error: { message: string } }>(ofModel).error.message).toMatch(/all callers of the model `m\*` together/);
    expect((await call('other', { model: 'n' })).status).toBe(200);
    const ofAddress = await call('one', { model: 'n' });
    expect(jsonOf<{ error: { message: string } }>(ofAddress).error.message).toMatch(/2 requests per day for your address/);
  });
});

describe('tokens per minute', () => {
  test('count what a call may need until it has ended, then what it used', async () => {
    const held = gated(chat);
    script(held.script);
    const first = rig.call('thousand', { max_tokens: 800 });
    await rig.upstreams[0]!.arrived(1);
    const refused = await rig.call('thousand', { max_tokens: 800 });
    expect(jsonOf(refused)).toMatchObject({ error: { type: 'tokens', code: 'rate_limit_exceeded' } });
    expect(refused.headers['x-should-retry']).toBe('true');
    held.open();
    expect((await first).status).toBe(200);
    expect((await rig.call('thousand', { max_tokens: 800 })).status).toBe(200);
    const [rule] = await rig.standing('thousand');
    expect(rule).toMatchObject({ rule: 'tokens_per_minute', unit: 'tokens', limit: 1_000, held: 0 });
    expect(Number(rule!.used)).toBeLessThanOrEqual(28);
  });

  test('a call that needs more than the whole limit is told so, without a wait', async () => {
    const refused = await rig.call('thousand', { max_tokens: 5_000 });
    expect(refused.status).toBe(429);
    expect(jsonOf(refused).error).toMatchObject({ message: expect.stringMatching(/max_completion_tokens/) });
    expect(refused.headers['retry-after']).toBeUndefined();
    expect(refused.headers['x-should-retry']).toBe('false');
  });
});

describe('calls at once', () => {
  test('a place is free again with the end of the answer, also when the caller leaves', async () => {
    const held = gated(chatStream());
    script(held.script);
    const connection = await rig.begin('single', { stream: true });
    await rig.upstreams[0]!.arrived(1);
    const refused = await rig.call('single');
    expect(refused.status).toBe(429);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    connection.leave('rst');
    await rig.quiet();
    held.open();
    for (let at = 0; at < 5; at++) expect((await rig.call('single', { stream: true })).status).toBe(200);
  });

  test('P1: a key that sends very much at once takes its own places alone, and the others are as fast as before', async () => {
    const held = gated(chat);
    script((call, wire) => ((call.json as { user?: string }).user === 'noisy' ? held.script : chat)(call, wire));
    const times = async (): Promise<number[]> => {
      const all: number[] = [];
      for (let at = 0; at < 15; at++) {
        const began = performance.now();
        expect((await rig.call('free')).status).toBe(200);
        all.push(performance.now() - began);
      }
      return all.sort((a, b) => a - b);
    };
    const alone = await times();
    const answers: number[] = [];
    const storm: Promise<unknown>[] = [];
    for (let at = 0; at < 40; at++) {
      const answer = rig.call('noisy', { user: 'noisy' }).then(({ status }) => answers.push(status));
      storm.push(answer);
      // One after the other: `max_in_flight` is for all.
      if (at < 4) await rig.upstreams[0]!.arrived(alone.length + at + 1);
      else await answer;
    }
    expect(answers).toEqual(new Array(36).fill(429));
    const beside = await times();
    expect(beside[7]).toBeLessThan(alone[7]! * 1.2 + 10);
    held.open();
    await Promise.all(storm);
    expect(answers.slice(36)).toEqual([200, 200, 200, 200]);
  });
});

test('a refused call says in its decision which limit it was, and is counted', async () => {
  script(chat);
  await rig.call('once');
  const refused = await rig.call('once');
  const found = await rig.gateway.gateway.api.explain.find(refused.headers['x-postern-exchange-id']!);
  expect(found?.decision).toMatchObject({
    reason: 'rate_limit_exceeded',
    status: 429,
    attempts: [],
    limit: { rule: 'requests_per_day', scope: 'key', unit: 'requests', period: 'day', limit: '1', left: '0', asked: '1' },
  });
  const text = await rig.gateway.gateway.api.metrics.render();
  expect(text).toContain('postern_limit_refusals_total{limit="requests_per_day",scope="key"} 1');
});

test('a stream that is refused gets the same error as JSON', async () => {
  const refused = await rig.call('closed', { stream: true });
  expect(refused.status).toBe(429);
  expect(refused.headers['content-type']).toContain('application/json');
  expect(refused.headers['x-should-retry']).toBe('false');
  expect(eventsOf(refused.body)).toEqual([]);
});
