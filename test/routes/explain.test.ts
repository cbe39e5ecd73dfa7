import { beforeAll, describe, expect, test } from 'vitest';
import type { DryRunBody } from '../../schemas/admin-explain.ts';
import { chatBody } from '../helper/chat.ts';
import { opened } from '../helper/cleanup.ts';
import { startGateway, type TestGateway } from '../helper/gateway.ts';
import { ask, provider, upstreamKey } from '../helper/overlay.ts';
import { json } from '../helper/replies.ts';
import { startUpstream, type Upstream } from '../helper/upstream.ts';

const env = { ADMIN_API_KEY: 'admin-key-0123456789abcdef' };
const admin = { authorization: `Bearer ${env.ADMIN_API_KEY}`, 'content-type': 'application/json' };
const secret = (name: string) => `sk-postern-test-${name}-0123456789`;

let upstream: Upstream;
let gateway: TestGateway;

function overlay(url: string): object {
  const small = { model_info: { 'up-1': { context_window: 100, tools: false } } };
  return {
    providers: { a: provider(url), b: provider(url), c: provider(url, small), d: provider(url, { operations: ['embeddings'] }) },
    models: {
      shared: {
        targets: [
          { provider: 'a', model: 'up-1', weight: 2 },
          { provider: 'b', model: 'up-1', weight: 1 },
        ],
        fallbacks: ['small'],
      },
      small: { targets: [{ provider: 'c', model: 'up-1' }], context_window_fallbacks: ['large'] },
      large: { targets: [{ provider: 'b', model: 'up-2' }] },
      vectors: { targets: [{ provider: 'd', model: 'v' }] },
      full: { targets: [{ provider: 'a', model: 'busy', concurrency: { max: 1 } }] },
    },
    prices: { 'a/up-1': { input: 1, output: 2 }, 'b/up-1': { input: 3, output: 4 } },
    keys: {
      alice: { secret: secret('alice'), models: ['shared'] },
      bob: { secret: secret('bob'), options: [] },
    },
  };
}

beforeAll(async () => {
  upstream = opened(await startUpstream(json(200, chatBody())));
  gateway = await startGateway({ overlay: overlay(upstream.url), env });
});

async function explain(asked: unknown, to = gateway, headers: Record<string, string> = admin) {
  const reply = await fetch(`${to.managementUrl}/admin/v1/explain`, { method: 'POST', headers, body: JSON.stringify(asked) });
  return { status: reply.status, text: await reply.text() };
}

async function run(body: object, rest: object = {}, to = gateway): Promise<DryRunBody> {
  const { status, text } = await explain({ body, ...rest }, to);
  expect([status, text]).toEqual([200, expect.any(String)]);
  return JSON.parse(text) as DryRunBody;
}

describe('what would become of a call', () => {
  test('the target, how failover goes on, what it would cost, and why', async () => {
    const found = await run(ask({ model: 'shared', max_tokens: 100, api_key: 'x', gateway: { ignore: ['d'], colour: 'red' } }));
    expect(found).toMatchObject({
      target: 'a/up-1',
      order: [
        { target: 'a/up-1', group: 'shared', cost_usd: '0.00021' },
        { target: 'b/up-1', group: 'shared', cost_usd: '0.00043' },
        { target: 'c/up-1', group: 'small', cost_usd: null },
      ],
      max_attempts: 3,
      refused: [],
      waits_for: [],
      route: {
        model: 'shared',
        groups: [
          { name: 'shared', strategy: 'weighted', cause: 'exhausted', targets: ['a/up-1', 'b/up-1'] },
          { name: 'small', targets: ['c/up-1'] },
        ],
      },
      estimate: { input_tokens: 10, output_tokens: 100, cost_usd: '0.00021' },
      warnings: ['dropped=api_key', 'ignored=gateway.colour'],
      error: null,
    });
    expect(found.decision).toMatchObject({
      exchange: '',
      model: 'shared',
      options: { ignore: ['d'] },
      attempts: [],
      outcome: null,
      choices: [
        { purpose: 'first', chosen: 'a/up-1', targets: [{ price: { input: 1, output: 2 }, weight: 2 }, {}] },
        { purpose: 'failover', chosen: 'b/up-1', targets: [{ excluded: 'tried' }, { excluded: null }] },
        { chosen: null, group: 'shared' },
        { chosen: 'c/up-1', group: 'small' },
        ...found.decision!.choices.slice(4),
      ],
    });
  });

  test('the caller may set an order, and only what is left may answer', async () => {
    expect((await run(ask({ model: 'shared', gateway: { order: ['b'] } }))).order.map(({ target }) => target)).toEqual([
      'b/up-1',
      'a/up-1',
      'c/up-1',
    ]);
    expect((await run(ask({ model: 'shared', gateway: { only: ['c'] } }))).order.map(({ target }) => target)).toEqual(['c/up-1']);
  });

  test('other models are asked when it is too long for those of the model', async () => {
    const long = 'word '.repeat(400);
    const found = await run(ask({ model: 'small', messages: [{ role: 'user', content: long }] }));
    expect(found).toMatchObject({ target: 'b/up-2', error: null, decision: { fallback: 'context_length' } });
    expect(found.decision!.choices[0]).toMatchObject({ group: 'small', chosen: null, targets: [{ excluded: 'too_long' }] });
  });

  test('the targets it would wait for', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    upstream.script = async (...args) => {
      await promise;
      await json(200, chatBody())(...args);
    };
    const pending = fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${secret('bob')}`, 'content-type': 'application/json' },
      body: JSON.stringify(ask({ model: 'full' })),
    });
    await upstream.arrived(1);
    const found = await run(ask({ model: 'full' }));
    resolve();
    expect((await pending).status).toBe(200);
    expect(found).toMatchObject({ target: null, order: [], waits_for: ['a/busy'], error: null });
    expect(upstream.calls).toHaveLength(1);
  });

  test.each([
    ['embeddings', 'vectors', { model: 'vectors', input: 'x' }, 'd/v'],
    ['responses', 'shared', { model: 'shared', input: 'x' }, 'a/up-1'],
  ])('of %s', async (operation, _model, body, target) => {
    expect(await run(body, { operation })).toMatchObject({ target, error: null, decision: { operation } });
  });
});

describe('the error that its caller would get', () => {
  test.each([
    ['of an unknown model', ask({ model: 'shard' }), {}, 404, 'model_not_found', 'Did you mean `shared`?'],
    ['of a model that the key may not use', ask({ model: 'large' }), { key: 'key_alice' }, 403, 'model_not_allowed', '`large`'],
    [
      'of an option that the key may not set',
      ask({ model: 'shared', gateway: { order: ['a'] } }),
      { key: 'key_bob' },
      403,
      'option_not_allowed',
      'gateway.order',
    ],
    [
      'of an option that nobody may set here',
      ask({ model: 'shared', gateway: { explain: true } }),
      {},
      403,
      'option_not_allowed',
      'explain',
    ],
    ['of an operation that no target has', ask({ model: 'vectors' }), {}, 400, 'unsupported_operation', 'chat'],
    [
      'of a call that a model cannot take',
      ask({ model: 'c/up-1', tools: [{ type: 'function' }] }),
      {},
      400,
      'unsupported_value',
      'tools',
    ],
    [
      'of a call that is too long',
      ask({ model: 'c/up-1', messages: [{ role: 'user', content: 'word '.repeat(400) }] }),
      {},
      400,
      'context_length_exceeded',
      'tokens',
    ],
    ['where nothing is left', ask({ model: 'shared', gateway: { only: ['d'] } }), {}, 400, 'no_target_allowed', 'only'],
    ['of a body without a model', { messages: [] }, {}, 400, 'missing_required_parameter', "'model'"],
    ['of a body of the wrong form', ask({ model: 'shared', temperature: 'hot' }), {}, 400, 'invalid_type', "'temperature'"],
    [
      'of an option of the wrong form',
      ask({ model: 'shared', gateway: { order: 'a' } }),
      {},
      400,
      'invalid_type',
      'gateway.order',
    ],
    [
      'of a body that is too deep',
      ask({ model: 'shared', x: JSON.parse('['.repeat(200) + ']'.repeat(200)) }),
      {},
      400,
      'invalid_json',
      'levels',
    ],
  ])('%s', async (_name, body, rest, status, code, words) => {
    const found = await run(body, rest);
    expect(found).toMatchObject({ target: null, order: [], error: { status, code } });
    expect(found.error!.message + String(found.error!.param)).toContain(words);
  });

  test('is word for word what the API says', async () => {
    const headers = { authorization: `Bearer ${secret('alice')}`, 'content-type': 'application/json' };
    for (const body of [
      ask({ model: 'large' }),
      ask({ model: 'shared', temperature: 9 }),
      ask({ model: 'shared', gateway: { only: ['d'] } }),
    ]) {
      const reply = await fetch(`${gateway.url}/v1/chat/completions`, { method: 'POST', headers, body: JSON.stringify(body) });
      const { error } = (await reply.json()) as { error: object };
      expect((await run(body, { key: 'key_alice' })).error).toEqual({ ...error, status: reply.status, retry_after: null });
    }
  });
});

describe('asking', () => {
  test('security 9: only the holder of the admin key may', async () => {
    const asked = { body: ask({ model: 'shared' }) };
    for (const authorization of ['', `Bearer ${secret('alice')}`]) {
      expect((await explain(asked, gateway, { ...admin, authorization })).status).toBe(401);
    }
  });

  test.each(['key_nobody', 'key___proto__', 'alice', secret('alice')])('with a key that is none is 404: %s', async (key) => {
    const { status, text } = await explain({ body: ask({ model: 'shared' }), key });
    expect([status, JSON.parse(text).error.code]).toEqual([404, 'key_not_found']);
    expect(text).not.toContain(secret('alice'));
  });

  test.each([
    [{ body: ask(), operation: 'images' }, 'operation'],
    [{ body: 'x' }, 'body'],
    [{}, 'body'],
    [{ body: ask(), colour: 1 }, 'colour'],
  ])('what cannot be asked is refused with 400: %j', async (asked, param) => {
    const { status, text } = await explain(asked);
    expect([status, JSON.parse(text).error.param]).toEqual([400, param]);
  });

  test('security 36: shows no secret and no address of an upstream', async () => {
    const { text } = await explain({ body: ask({ model: 'shared' }), key: 'key_bob' });
    for (const hidden of [upstreamKey, secret('bob'), String(upstream.port), 'Say hello']) expect(text).not.toContain(hidden);
  });
});

test('nothing is sent and nothing changes: shares afterwards are as if it had not been asked', async () => {
  const shares = async (asking: boolean) => {
    const up = opened(await startUpstream(json(200, chatBody())));
    const one = await startGateway({ overlay: overlay(up.url), env });
    const targets: string[] = [];
    for (let at = 0; at < 9; at++) {
      if (asking) {
        for (let each = 0; each < (at % 3) + 1; each++) await run(ask({ model: 'shared' }), {}, one);
      }
      const reply = await fetch(`${one.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${secret('bob')}`, 'content-type': 'application/json' },
        body: JSON.stringify(ask({ model: 'shared' })),
      });
      targets.push(reply.headers.get('x-postern-provider')!);
      await reply.arrayBuffer();
    }
    expect(up.calls).toHaveLength(9);
    expect(one.gateway.api.router.health().filter(({ inFlight }) => inFlight > 0)).toEqual([]);
    return { targets, rows: (await one.ledgerRows(9)).length };
  };
  const plain = await shares(false);
  expect(plain.targets.join('')).toBe('abaabaaba');
  expect(await shares(true)).toEqual(plain);
});
