import { Writable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import { describe, expect, it } from 'vitest';
import { accessLine } from '../../plugins/access-log.ts';
import { anonymous, Exchange } from '../../plugins/exchange/index.ts';
import { createLogger, isoTime, lineWriter } from '../../plugins/logger.ts';
import type { Config } from '../../schemas/config.ts';

function settled(changes: Partial<Exchange> = {}): Exchange {
  const exchange = new Exchange('ex_1', 'req-1', 'chat', {} as Config, 100, 0, () => {});
  return Object.assign(exchange, { endedAt: 150.128, upstreamMs: 40, status: 200, ...changes });
}

const request = { method: 'POST', routeOptions: { url: '/v1/chat/completions' } } as FastifyRequest;
const parsed = (exchange: Exchange) => JSON.parse(accessLine(exchange, request)) as Record<string, unknown>;

describe('an access line', () => {
  it('has what is known of the call, in the order of the documentation', () => {
    const line = parsed(
      settled({
        principal: { ...anonymous, keyId: 'key_a', name: 'a', models: null, options: null },
        model: 'smart',
        stream: true,
        provider: 'acme',
        target: 'large',
        servedModel: 'large-1',
        attempts: 2,
        usage: { input: 10, output: 5 },
        usageSource: 'provider',
        costNano: 1_500_000,
        firstContentAt: 120,
      }),
    );
    expect(Object.entries(line)).toEqual(
      Object.entries({
        level: 'info',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        exchange: 'ex_1',
        request_id: 'req-1',
        method: 'POST',
        route: '/v1/chat/completions',
        operation: 'chat',
        key: 'key_a',
        model: 'smart',
        stream: true,
        provider: 'acme',
        target: 'large',
        served: 'large-1',
        attempts: 2,
        status: 200,
        outcome: 'ok',
        reason: null,
        tokens: { input: 10, output: 5 },
        usage_source: 'provider',
        cost_usd: '0.0015',
        first_content_ms: 20,
        total_ms: 50.13,
        overhead_ms: 10.13,
        msg: 'exchange',
      }),
    );
  });

  it('of a call that was not sent has nulls, and an unknown cost is not 0', () => {
    expect(parsed(settled({ outcome: 'failed', reason: 'invalid_json' }))).toMatchObject({
      key: null,
      model: null,
      provider: null,
      tokens: null,
      cost_usd: null,
      first_content_ms: null,
      reason: 'invalid_json',
    });
    expect(parsed(settled({ attempts: 1, costNano: null })).cost_usd).toBeNull();
    expect(parsed(settled({ attempts: 1, costNano: 0 })).cost_usd).toBe('0');
  });

  it('security 39: escapes what callers and providers named', () => {
    const hostile = 'a"\n{"level":"fatal"}\u001b[31m\u2028\\';
    const text = accessLine(settled({ model: hostile, servedModel: hostile, target: hostile }), request);
    expect(text.indexOf('\n')).toBe(text.length - 1);
    expect([...text.slice(0, -1)].filter((character) => character < ' ')).toEqual([]);
    expect(JSON.parse(text)).toMatchObject({ model: hostile, served: hostile, target: hostile });
  });
});

describe('a finished line', () => {
  async function written(level: 'info' | 'warn'): Promise<string> {
    let text = '';
    const stream = new Writable({
      write(chunk, _encoding, done) {
        text += String(chunk);
        done();
      },
    });
    const log = await createLogger({ level, pretty: false, access: true, decisions: false }, stream);
    lineWriter(log)(() => '{"msg":"exchange"}\n');
    return text;
  }

  it('goes where the logger writes, at level info', async () => {
    expect(await written('info')).toBe('{"msg":"exchange"}\n');
    expect(await written('warn')).toBe('');
  });
});

it('times are those of Date, also across a second', () => {
  for (const ms of [0, 7, 999, 1_000, 1_793_750_400_042, 1_793_750_400_999, 1_793_750_401_000, 999])
    expect(isoTime(ms)).toBe(new Date(ms).toISOString());
});
