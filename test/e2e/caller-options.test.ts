import { beforeAll, describe, expect, test } from 'vitest';
import { chat, chatBody, chatStream, errorBody } from '../helper/chat.ts';
import { opened } from '../helper/cleanup.ts';
import { type Reply, ask as request } from '../helper/client.ts';
import { expectEnvelope } from '../helper/envelope.ts';
import { startGateway, type TestGateway } from '../helper/gateway.ts';
import { ask, neverOpen, provider } from '../helper/overlay.ts';
import { json, silence, sse } from '../helper/replies.ts';
import { streamNamed } from '../helper/streams.ts';
import { type Script, startUpstream, type Upstream } from '../helper/upstream.ts';

// What a caller may say in the top-level object `gateway`.

let upstream: Upstream;
let other: Upstream;
let gateway: TestGateway;

const secret = (name: string) => `sk-postern-${name}-0123456789abcdef`;
const target = (name: string, model = 'up-1', extra: object = {}) => ({ provider: name, model, ...extra });

const vectors: Script = json(200, {
  object: 'list',
  data: [{ object: 'embedding', index: 0, embedding: [1, 2] }],
  model: 'e',
  usage: { prompt_tokens: 2, total_tokens: 2 },
});
const answers: Script = (call, wire) => {
  const { stream } = call.json as { stream?: boolean };
  if (call.path.includes('embeddings')) return vectors(call, wire);
  if (!call.path.includes('responses')) return chat(call, wire);
  if (stream === true) return sse(streamNamed('responses-text').bytes)(call, wire);
  return json(200, { id: 'resp_1', object: 'response', status: 'completed', model: 'up-1', output: [] })(call, wire);
};

beforeAll(async () => {
  upstream = opened(await startUpstream(answers));
  other = opened(await startUpstream(answers));
  gateway = await startGateway({
    overlay: {
      auth: { options: ['order', 'only', 'ignore', 'fallbacks', 'max_price', 'timeout', 'require_parameters'] },
      keys: {
        plain: { secret: secret('plain') },
        some: { secret: secret('some'), options: ['order'], models: ['m', 'spare'] },
        none: { secret: secret('none'), options: [] },
      },
      providers: { alpha: provider(upstream.url), beta: provider(other.url), gamma: provider(other.url) },
      models: {
        m: { strategy: 'priority', targets: [target('alpha'), target('beta'), target('gamma')] },
        spare: { targets: [target('beta', 'spare-1')], fallbacks: ['last'] },
        last: { targets: [target('gamma', 'last-1')] },
        alone: { targets: [target('alpha')] },
        dear: { targets: [target('alpha', 'dear-1')], max_price: { output: 5 } },
        e: { targets: [target('alpha', 'embed-1', { dimensions: 2 })] },
        e2: { targets: [target('beta', 'embed-1', { dimensions: 2 })] },
        e3: { targets: [target('beta', 'embed-1', { dimensions: 3 })] },
      },
      prices: {
        'alpha/up-1': { input: 1, output: 8 },
        'beta/up-1': { input: 3, output: 4, tiers: [{ above: 1000, input: 30 }] },
        'alpha/dear-1': { input: 1, output: 8 },
        'alpha/embed-1': { input: 1 },
      },
      health: { ...neverOpen, slow_start: '0s' },
      retries: { max_attempts: 5 },
    },
  });
});

function send(options: unknown, extra: object = {}, key = 'plain', path = '/v1/chat/completions'): Promise<Reply> {
  const headers = { authorization: `Bearer ${secret(key)}` };
  return request(gateway.url, { path, headers, body: ask({ gateway: options, ...extra }) });
}

const provided = ({ status, headers }: Reply) => (status === 200 ? headers['x-postern-provider'] : status);

describe('order, only and ignore', () => {
  test.each([
    [{ order: ['gamma', 'alpha'] }, 'gamma'],
    [{ order: ['beta/up-1'] }, 'beta'],
    [{ order: ['beta/up-1'], ignore: ['beta'] }, 'alpha'],
    [{ only: ['beta', 'gamma'] }, 'beta'],
    [{ only: ['gamma/up-1'] }, 'gamma'],
    [{ ignore: ['alpha', 'beta/up-1'] }, 'gamma'],
    [{ order: [], ignore: [], only: null }, 'alpha'],
    [{ order: ['beta/spare-1'] }, 'alpha'],
  ])('%j is answered by %s', async (options, name) => {
    expect(provided(await send(options))).toBe(name);
  });

  test('order stands above what a call belongs to, and still fails over', async () => {
    upstream.script = json(500, errorBody('broken'));
    const reply = await send({ order: ['alpha', 'gamma'] }, { prompt_cache_key: 'k' });
    expect([provided(reply), reply.headers['x-postern-attempts']]).toEqual(['gamma', '2']);
    upstream.script = answers;
  });

  test.each([
    [{ only: ['alhpa'] }, 'gateway.only[0]', 'alpha'],
    [{ order: ['alpha', 'gama'] }, 'gateway.order[1]', 'gamma'],
    [{ ignore: ['beta/up-2'] }, 'gateway.ignore[0]', 'beta/up-1'],
    [{ only: ['beta/'] }, 'gateway.only[0]', 'beta'],
    [{ only: ['__proto__'] }, 'gateway.only[0]', 'provider'],
  ])('%j is refused by name, with the nearest one', async (options, param, near) => {
    const reply = await send(options);
    expect(reply.status).toBe(400);
    expect(expectEnvelope(reply)).toMatchObject({ param, code: 'unknown_target', message: expect.stringContaining(near) });
  });

  test.each([
    [{ only: [] }, 'gateway.only'],
    [{ only: 'alpha' }, 'gateway.only'],
    [{ order: [''] }, 'gateway.order[0]'],
    [{ ignore: [1] }, 'gateway.ignore[0]'],
    [{ fallbacks: ['a', 'b', 'c', 'd', 'e', 'f'] }, 'gateway.fallbacks'],
    [{ timeout: 30 }, 'gateway.timeout'],
    [{ timeout: 'soon' }, 'gateway.timeout'],
    [{ timeout: '0s' }, 'gateway.timeout'],
    [{ max_price: 1 }, 'gateway.max_price'],
    [{ max_price: { input: -1 } }, 'gateway.max_price.input'],
    [{ max_price: { inputs: 1 } }, 'gateway.max_price.inputs'],
    [{ require_parameters: 'yes' }, 'gateway.require_parameters'],
  ])('%j is refused with its name', async (options, param) => {
    const reply = await send(options);
    expect(reply.status).toBe(400);
    expect(expectEnvelope(reply).param).toBe(param);
  });

  test('when nothing is left, the caller is told what removed what', async () => {
    const reply = await send({ only: ['alpha', 'beta'], ignore: ['beta/up-1'], max_price: { input: 0.5 } });
    expect(reply.status).toBe(400);
    const { code, param, message } = expectEnvelope(reply);
    expect([code, param]).toEqual(['no_target_allowed', 'gateway']);
    expect(message).toContain('`gateway.max_price` leaves out `alpha/up-1`');
    expect(message).toContain('`gateway.ignore` leaves out `beta/up-1`');
    expect(message).toContain('`gateway.only` leaves out `gamma/up-1`');
  });
});

describe('max_price', () => {
  test.each([
    ['input 2: the first is cheap enough', { input: 2 }, {}, 'alpha'],
    ['output 5: only the second is, and the third has no price', { output: 5 }, {}, 'beta'],
    ['input 2 and output 5: none', { input: 2, output: 5 }, {}, 400],
    ['output 5 for a prompt above a tier: it costs more there', { input: 5, output: 5 }, { user: 'x'.repeat(9_000) }, 400],
    ['nothing given limits nothing', { input: null }, {}, 'alpha'],
  ])('%s', async (_name, max_price, extra, name) => {
    const { user, ...rest } = extra as { user?: string };
    const messages = user === undefined ? {} : { messages: [{ role: 'user', content: 'word '.repeat(2_000) }] };
    expect(provided(await send({ max_price }, { ...rest, ...messages }))).toBe(name);
  });

  test('an unknown price may be any, and is told as such', async () => {
    const { message } = expectEnvelope(await send({ only: ['gamma'], max_price: { input: 100 } }));
    expect(message).toContain('`gateway.max_price`, as their price is unknown, leaves out `gamma/up-1`');
  });

  test("the model's own limit holds without a word of the caller, and is told as its own", async () => {
    const reply = await send(undefined, { model: 'dear' });
    expect(reply.status).toBe(400);
    const { code, param, message } = expectEnvelope(reply);
    expect([code, param]).toEqual(['no_target_allowed', 'model']);
    expect(message).toContain("the model's own max_price leaves out `alpha/dear-1`");
  });

  test('vectors have no price as output, so a limit of it says nothing about them', async () => {
    const body = { model: 'e', input: 'x', gateway: { max_price: { input: 1, output: 1 } } };
    const headers = { authorization: `Bearer ${secret('plain')}` };
    expect(provided(await request(gateway.url, { path: '/v1/embeddings', headers, body }))).toBe('alpha');
  });
});

describe('fallbacks', () => {
  const broken = json(500, errorBody('broken'));

  test('are asked in order when every target of the model is out, each once, with those they have themselves', async () => {
    upstream.script = broken;
    other.script = (call, wire) =>
      (call.json as { model: string }).model === 'spare-1' ? json(503, errorBody('busy'))(call, wire) : answers(call, wire);
    const reply = await send({ fallbacks: ['alone', 'spare', 'spare', 'last'] }, { model: 'alone' });
    expect([provided(reply), reply.headers['x-postern-model'], reply.headers['x-postern-attempts']]).toEqual([
      'gamma',
      'last-1',
      '3',
    ]);
    expect((await gateway.ledgerRows(1)).at(-1)).toMatchObject({ model: 'alone', target: 'last-1' });
    upstream.script = answers;
    other.script = answers;
  });

  test('may be any name that resolves', async () => {
    upstream.script = broken;
    const reply = await send({ fallbacks: ['beta/any-1'] }, { model: 'alone', stream: true });
    expect([provided(reply), reply.headers['x-postern-model']]).toEqual(['beta', 'any-1']);
    upstream.script = answers;
  });

  test('an unknown one is 400 with the nearest names, before anything is sent', async () => {
    const before = upstream.calls.length;
    const reply = await send({ fallbacks: ['spare', 'spaer'] });
    expect(reply.status).toBe(400);
    expect(expectEnvelope(reply)).toMatchObject({
      param: 'gateway.fallbacks[1]',
      code: 'model_not_found',
      message: expect.stringContaining('`spare`'),
    });
    expect(upstream.calls.length).toBe(before);
  });

  test('one that the key may not use is 403', async () => {
    const limited = await startGateway({
      overlay: {
        keys: { k: { secret: secret('limited'), models: ['alone', 'spare'] } },
        providers: { alpha: provider(upstream.url) },
        models: {
          alone: { targets: [target('alpha')] },
          spare: { targets: [target('alpha')] },
          last: { targets: [target('alpha')] },
        },
      },
    });
    const body = (fallbacks: string[]) => ask({ model: 'alone', gateway: { fallbacks } });
    const headers = { authorization: `Bearer ${secret('limited')}` };
    expect((await request(limited.url, { headers, body: body(['spare']) })).status).toBe(200);
    const reply = await request(limited.url, { headers, body: body(['spare', 'last']) });
    expect(reply.status).toBe(403);
    expect(expectEnvelope(reply)).toMatchObject({ code: 'model_not_allowed', param: 'gateway.fallbacks[1]' });
  });

  test('of embeddings have to give the same vectors', async () => {
    upstream.script = broken;
    const headers = { authorization: `Bearer ${secret('plain')}` };
    const embed = (fallbacks: string[]) =>
      request(gateway.url, { path: '/v1/embeddings', headers, body: { model: 'e', input: 'x', gateway: { fallbacks } } });
    expect(provided(await embed(['e2']))).toBe('beta');
    const reply = await embed(['e2', 'e3']);
    upstream.script = answers;
    expect(reply.status).toBe(400);
    expect(expectEnvelope(reply).param).toBe('gateway.fallbacks[1]');
  });
});

describe('what a key may say', () => {
  test.each([
    ['some', { only: ['alpha'] }, 'only'],
    ['some', { order: ['alpha'], timeout: '5s' }, 'timeout'],
    ['none', { require_parameters: false }, 'require_parameters'],
    ['plain', { explain: true }, 'explain'],
  ])('the key %s may not set %j', async (key, options, name) => {
    const reply = await send(options, {}, key);
    expect(reply.status).toBe(403);
    expect(expectEnvelope(reply)).toMatchObject({ code: 'option_not_allowed', param: `gateway.${name}` });
  });

  test('a key of its own list may set what is in it, nulls are nothing, and unknown members are only a warning', async () => {
    const reply = await send({ order: ['beta'], only: null, cheapest: true }, {}, 'some');
    expect(provided(reply)).toBe('beta');
    expect(reply.headers['x-postern-warnings']).toBe('ignored=gateway.cheapest');
    expect((await send({ whatever: 1 }, {}, 'none')).status).toBe(200);
  });

  test('callers without a key have what auth.options says', async () => {
    const keyless = await startGateway({
      overlay: {
        auth: { options: ['order'] },
        providers: { alpha: provider(upstream.url), beta: provider(other.url) },
        models: { m: { strategy: 'priority', targets: [target('alpha'), target('beta')] } },
      },
    });
    const post = (options: object) => request(keyless.url, { body: ask({ gateway: options }) });
    expect(provided(await post({ order: ['beta'] }))).toBe('beta');
    expect(expectEnvelope(await post({ only: ['beta'] })).code).toBe('option_not_allowed');
  });
});

test.each([
  ['chat', '/v1/chat/completions', { messages: [{ role: 'user', content: 'Hi' }] }],
  ['chat stream', '/v1/chat/completions', { messages: [{ role: 'user', content: 'Hi' }], stream: true }],
  ['responses', '/v1/responses', { input: 'Hi' }],
  ['responses stream', '/v1/responses', { input: 'Hi', stream: true }],
  ['embeddings', '/v1/embeddings', { input: 'Hi' }],
])('%s: the options hold, and none of them reaches the upstream', async (_name, path, body) => {
  const options = { order: ['gamma'], ignore: ['alpha'], timeout: '9s', max_price: {}, mine: { only: 1 } };
  const headers = { authorization: `Bearer ${secret('plain')}` };
  const reply = await request(gateway.url, { path, headers, body: { model: 'm', ...body, gateway: options } });
  expect(provided(reply)).toBe('gamma');
  const sent = other.calls.at(-1)!;
  expect(sent.path).toBe(path);
  expect(sent.body.toString()).not.toContain('gateway');
  expect(JSON.stringify(sent.headers)).not.toMatch(/gateway|postern-timeout/);
});

describe('the time a caller allows', () => {
  const timed = async (options: object, headers: Record<string, string> = {}): Promise<[number, number]> => {
    const began = performance.now();
    const auth = { authorization: `Bearer ${secret('plain')}`, ...headers };
    const { status } = await request(gateway.url, { headers: auth, body: ask({ model: 'alone', gateway: options }) });
    return [status, performance.now() - began];
  };

  test.each([
    ['the option', { timeout: '120ms' }, {}],
    ['the option, shorter than the header', { timeout: '120ms' }, { 'x-postern-timeout': '20s' }],
    ['the header, shorter than the option', { timeout: '20s' }, { 'x-postern-timeout': '120ms' }],
  ])('is that of %s', async (_name, options, headers) => {
    upstream.script = silence;
    const [status, ms] = await timed(options, headers);
    upstream.script = answers;
    expect(status).toBe(504);
    expect(ms).toBeGreaterThan(100);
    expect(ms).toBeLessThan(1_500);
  });
});

test('U8: impatient callers and callers that leave trip no breaker and park no key', async () => {
  const nervous = await startGateway({
    overlay: {
      providers: { up: provider(upstream.url, { api_key: undefined, api_keys: [{ key: 'sk-up-1' }, { key: 'sk-up-2' }] }) },
      models: { m: { targets: [target('up')] } },
      health: { consecutive_failures: 1, min_requests: 1 },
      retries: { max_attempts: 1 },
    },
  });
  upstream.script = silence;
  const impatient = { gateway: { timeout: '40ms' } };
  for (const stream of [false, true]) {
    expect((await request(nervous.url, { body: ask({ stream, ...impatient }) })).status).toBe(504);
    expect((await request(nervous.url, { headers: { 'x-postern-timeout': '40ms' }, body: ask({ stream }) })).status).toBe(504);
    await expect(request(nervous.url, { body: ask({ stream }) }, 60)).rejects.toThrow();
  }
  upstream.script = chatStream();
  expect(await (await request(nervous.url, { body: ask({ stream: true }) })).status).toBe(200);
  expect(nervous.gateway.api.router.health()).toMatchObject([{ breaker: 'closed', consecutiveFailures: 0, parked: [] }]);
  upstream.script = json(200, chatBody());
});
