import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import OpenAI from 'openai';
import { beforeAll, describe, expect, test } from 'vitest';
import { chat, chatBody, errorBody } from '../helper/chat.ts';
import { opened } from '../helper/cleanup.ts';
import { jsonOf, type Reply, ask as request } from '../helper/client.ts';
import { expectEnvelope } from '../helper/envelope.ts';
import { startFakeGemini } from '../helper/fakes/index.ts';
import { startGateway } from '../helper/gateway.ts';
import { ask, inPriority, neverOpen, provider, upstreamKey } from '../helper/overlay.ts';
import { json } from '../helper/replies.ts';
import { type Script, startUpstream, type Upstream } from '../helper/upstream.ts';

// Callers who bring the provider's key: what the provider hears, what they are told, and what others notice of it.

const theirs = 'theirs-CANARY-9f8e7d6c5b4a3210';
const gatewayKey = 'gw-CANARY-5a6b7c8d9e0f1a2b3c4d';
const adminKey = 'adm-CANARY-0f1e2d3c4b5a69788796';
const header = 'x-postern-provider-key';

const messages = [{ role: 'user' as const, content: 'Say hello.' }];
const accepting = (url: string, extra: object = {}): object =>
  provider(url, { accept_client_keys: true, models: ['up-1'], ...extra });
const client = { auth: { mode: 'client' } };
const hybrid = { auth: { mode: 'hybrid' }, keys: { alice: { secret: gatewayKey } } };
const own = { authorization: `Bearer ${theirs}` };
const brought = { authorization: `Bearer ${gatewayKey}`, [header]: `up ${theirs}` };
const keysAt = ({ calls }: Upstream): (string | undefined)[] => calls.map(({ headers }) => headers.authorization);

async function up(script: Script = chat): Promise<Upstream> {
  return opened(await startUpstream(script));
}

/** `up` takes keys of callers, `other` does not; `m` prefers `other` where it may. */
async function two(mode: object, script: Script = chat, extra: object = {}) {
  const [first, second] = [await up(script), await up()];
  const targets = ['other', 'up'].map((name) => ({ provider: name, model: 'up-1' }));
  const gateway = await startGateway({
    overlay: {
      providers: { up: accepting(first.url), other: provider(second.url, { models: ['up-1'] }) },
      models: {
        m: { strategy: 'priority', targets },
        copied: { targets: [{ provider: 'up', model: 'up-1' }], shadow: { provider: 'up', model: 'copy' } },
      },
      ...mode,
      ...extra,
    },
    log: 'trace',
  });
  return { gateway, first, second };
}

type Rig = Awaited<ReturnType<typeof two>>;
let rigs: { readonly client: Rig; readonly hybrid: Rig };
beforeAll(async () => {
  const of = (mode: typeof client) =>
    two(mode, chat, {
      management: { admin_api_key: adminKey },
      logging: { access: true, decisions: true },
      auth: { ...mode.auth, options: ['explain', 'order'] },
    });
  rigs = { client: await of(client), hybrid: await of(hybrid) };
});

/** One of the two, as if nothing had been sent yet. `rows`: of the ledger since then. */
async function shared(mode: 'client' | 'hybrid', script: Script = chat) {
  const { gateway, first, second } = rigs[mode];
  const { length } = await gateway.ledgerRows();
  for (const { calls } of [first, second]) calls.length = 0;
  first.script = script;
  const rows = async (count: number) => (await gateway.ledgerRows(length + count)).slice(length);
  return { gateway, first, second, rows };
}

const refusal = (reply: Reply, status: number) => {
  expect(reply.status).toBe(status);
  expect(`${reply.head}${reply.body}`).not.toContain('CANARY');
  return expectEnvelope(reply);
};

test('mode client: the official client works with nothing but its key of the provider', async () => {
  const { gateway, first, second, rows } = await shared('client');
  const sdk = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: theirs, maxRetries: 0 });
  expect(await sdk.chat.completions.create({ model: 'm', messages })).toMatchObject(chatBody());
  const texts = [];
  for await (const chunk of await sdk.chat.completions.create({ model: 'up/up-1', messages, stream: true }))
    texts.push(chunk.choices[0]?.delta.content ?? '');
  expect(texts.join('')).toBe('Hello there');
  const listed = [];
  for await (const { id } of sdk.models.list()) listed.push(id);
  expect(listed).toEqual(['m', 'copied', 'up/up-1']);
  expect(await sdk.models.retrieve('up/up-1')).toMatchObject({ id: 'up/up-1' });
  await expect(sdk.models.retrieve('other/up-1')).rejects.toMatchObject({ status: 404 });
  expect(keysAt(first)).toEqual([`Bearer ${theirs}`, `Bearer ${theirs}`]);
  expect(second.calls).toEqual([]);
  expect(await rows(2)).toMatchObject([
    { provider: 'up', credential: 'caller', key_id: expect.stringMatching(/^client_[0-9a-f]{16}$/) },
    { provider: 'up', credential: 'caller' },
  ]);
});

test('mode client on every address: callers need a key, and a Host of their own is theirs', async () => {
  const server = await up();
  const overlay = {
    providers: { up: accepting(server.url, { api_key: undefined, catalogue: true }) },
    ...client,
    keys: hybrid.keys,
  };
  const gateway = await startGateway({ overlay, env: { LISTEN: '0.0.0.0:0' } });
  const url = gateway.url.replace('0.0.0.0', '127.0.0.1');
  const body = ask({ model: 'up/up-1' });
  expect((await request(url, { body, headers: { ...own, host: 'gateway.example' } })).status).toBe(200);
  expect(refusal(await request(url, { body }), 401).code).toBe('invalid_api_key');
  // Keys of the gateway, of its own making and others.
  for (const key of ['sk-postern-0123456789abcdef', gatewayKey]) {
    const reply = await request(url, { body, headers: { authorization: `Bearer ${key}` } });
    expect(refusal(reply, 401).code).toBe('invalid_api_key');
  }
  // The model list of the provider is not asked for without a key.
  expect(server.calls).toHaveLength(1);
});

test('mode hybrid: one call with the key that came with it, the next with the operator’s', async () => {
  const { gateway, first, second, rows } = await shared('hybrid');
  const authorization = `Bearer ${gatewayKey}`;
  expect((await request(gateway.url, { body: ask(), headers: brought })).headers['x-postern-provider']).toBe('up');
  expect((await request(gateway.url, { body: ask(), headers: { authorization } })).headers['x-postern-provider']).toBe('other');
  expect([keysAt(first), keysAt(second)]).toEqual([[`Bearer ${theirs}`], [`Bearer ${upstreamKey}`]]);
  expect(await rows(2)).toMatchObject([
    { credential: 'caller', key_id: 'key_alice' },
    { credential: 'operator', key_id: 'key_alice' },
  ]);
  // Only with a gateway key.
  expect(refusal(await request(gateway.url, { body: ask(), headers: { [header]: `up ${theirs}` } }), 401).code).toBe(
    'invalid_api_key',
  );
  const list = await request(gateway.url, { method: 'GET', path: '/v1/models', headers: brought });
  expect(jsonOf<{ data: { id: string }[] }>(list).data.map(({ id }) => id)).toEqual(['m', 'copied', 'up/up-1']);
});

test('no copy is made of a call with a key of its own, not even to its provider', async () => {
  const { gateway, first } = await shared('hybrid');
  const body = ask({ model: 'copied' });
  expect((await request(gateway.url, { body, headers: brought })).status).toBe(200);
  expect((await request(gateway.url, { body, headers: { authorization: `Bearer ${gatewayKey}` } })).status).toBe(200);
  await first.arrived(3);
  expect(first.calls.map(({ json: sent }) => (sent as { model: string }).model)).toEqual(['up-1', 'up-1', 'copy']);
  expect(keysAt(first)).toEqual([`Bearer ${theirs}`, `Bearer ${upstreamKey}`, `Bearer ${upstreamKey}`]);
  expect(await gateway.ledgerRows(1)).not.toContainEqual(expect.objectContaining({ operation: 'shadow', credential: 'caller' }));
});

describe('a key is for one provider, and which one is never guessed', () => {
  test('several providers of the model take keys: 400 provider_key_ambiguous, with both ways out', async () => {
    const [a, b] = [await up(), await up()];
    const models = {
      ...(inPriority({ a: a.url, b: b.url }) as { models: object }).models,
      f: { targets: [{ provider: 'a', model: 'x' }], fallbacks: ['n'] },
      n: { targets: [{ provider: 'b', model: 'x' }] },
    };
    const gateway = await startGateway({
      overlay: { providers: { a: accepting(a.url), b: accepting(b.url) }, models, ...client },
    });
    const error = refusal(await request(gateway.url, { body: ask(), headers: own }), 400);
    expect(error).toMatchObject({ code: 'provider_key_ambiguous', param: 'model' });
    expect(error.message).toMatch(/`a`, `b`.*`provider\/model`.*x-postern-provider-key/);
    expect([...a.calls, ...b.calls]).toEqual([]);
    expect((await request(gateway.url, { body: ask(), headers: { ...own, [header]: 'b' } })).status).toBe(200);
    expect((await request(gateway.url, { body: ask({ model: 'b/up-1' }), headers: own })).status).toBe(200);
    expect([a.calls.length, keysAt(b)]).toEqual([0, [`Bearer ${theirs}`, `Bearer ${theirs}`]]);
    // A fallback counts: its provider might be the one.
    expect(refusal(await request(gateway.url, { body: ask({ model: 'f' }), headers: own }), 400).code).toBe(
      'provider_key_ambiguous',
    );
    // What the caller adds itself does not.
    const body = ask({ model: 'a/x', gateway: { fallbacks: ['n'] } });
    a.script = json(500, errorBody('Oops.'));
    expect((await request(gateway.url, { body, headers: own })).status).toBe(502);
    expect([a.calls.length, b.calls.length]).toEqual([1, 2]);
  });

  test.each([
    ['a model of providers that take none', client, own, 'other/up-1', 403, 'model_not_allowed'],
    ['a provider that there is not', client, { ...own, [header]: 'nobody' }, 'm', 400, 'provider_key_not_accepted'],
    ['a provider that takes none', client, { ...own, [header]: 'other' }, 'm', 400, 'provider_key_not_accepted'],
    ['a provider that takes none', hybrid, { ...brought, [header]: `other ${theirs}` }, 'm', 400, 'provider_key_not_accepted'],
    [
      'a name of Object.prototype',
      hybrid,
      { ...brought, [header]: `constructor ${theirs}` },
      'm',
      400,
      'provider_key_not_accepted',
    ],
    ['a model that is not of the provider', hybrid, brought, 'other/up-1', 400, 'provider_key_mismatch'],
    ['half a header', hybrid, { ...brought, [header]: theirs }, 'm', 400, 'invalid_provider_key'],
    ['a key beside the name', client, { ...own, [header]: `up ${theirs}` }, 'm', 400, 'invalid_provider_key'],
  ])('%s is refused, and nothing is sent', async (_what, mode, headers, model, status, code) => {
    const { gateway, first, second } = await shared(mode === client ? 'client' : 'hybrid');
    expect(refusal(await request(gateway.url, { body: ask({ model }), headers: { ...headers } }), status).code).toBe(code);
    expect([...first.calls, ...second.calls]).toEqual([]);
  });

  test('without such a mode the header is refused: the operator’s key would be used instead', async () => {
    const { gateway, first, second } = await two({ keys: hybrid.keys });
    expect(refusal(await request(gateway.url, { body: ask(), headers: brought }), 400).code).toBe('invalid_provider_key');
    expect([...first.calls, ...second.calls]).toEqual([]);
  });
});

describe('what is wrong with the key of a caller is the caller’s, and nobody else notices', () => {
  const echo = `Incorrect API key provided: ${theirs}`;
  const bad = json(401, errorBody(echo, 'invalid_request_error', 'invalid_api_key'));
  test.each([
    ['A6: 401', bad, 401, 'invalid_api_key', 'caller_key'],
    ['A6: 403', json(403, errorBody(echo, 'permission_error')), 403, 'permission_denied', 'caller_key'],
    ['A3: 402', json(402, errorBody(echo, 'billing_error')), 402, 'insufficient_quota', 'caller_quota'],
    [
      'A3: a spent quota',
      json(429, errorBody(echo, 'insufficient_quota', 'insufficient_quota')),
      429,
      'insufficient_quota',
      'caller_quota',
    ],
    ['A1: 429', json(429, errorBody(echo, 'requests'), { 'retry-after': '40' }), 429, 'rate_limit_exceeded', 'caller_rate_limit'],
  ] as const)('%s', async (_name, script, status, code, reason) => {
    const byKey: Script = (call, wire) => (call.headers.authorization === `Bearer ${theirs}` ? script : chat)(call, wire);
    const { gateway, first, second, rows } = await shared('hybrid', byKey);
    for (let count = 0; count < 6; count++) {
      const reply = await request(gateway.url, { body: ask(), headers: brought });
      expect(refusal(reply, status).code).toBe(code);
      expect(reply.headers['x-should-retry']).toBe(String(reason === 'caller_rate_limit'));
      if (reason === 'caller_rate_limit') expect(Number(reply.headers['retry-after'])).toBeGreaterThanOrEqual(40);
    }
    // Asked each time, once; nobody else was.
    expect([first.calls.length, second.calls.length]).toEqual([6, 0]);
    const authorization = `Bearer ${gatewayKey}`;
    expect((await request(gateway.url, { body: ask({ model: 'up/up-1' }), headers: { authorization } })).status).toBe(200);
    const health = await (await fetch(`${gateway.managementUrl}/health/providers`)).text();
    expect(JSON.parse(health).data[0]).toMatchObject({
      keys: { total: 1, parked: [] },
      targets: [{ status: 'ok', breaker: 'closed', parked_keys: [] }],
    });
    expect((await rows(7)).slice(0, 6)).toMatchObject(Array(6).fill({ outcome: 'failed', reason, credential: 'caller' }));
    // No warning tells the operator to mend a key that is not the operator's.
    expect(gateway.logs().filter(({ level, credential }) => level === 'warn' && credential !== undefined)).toEqual([]);
    expect(JSON.stringify(gateway.logs())).not.toContain('CANARY');
  });

  test('A6: what the operator’s refused key rests for is no obstacle to a caller with a key', async () => {
    const refuseOurs: Script = (call, wire) => (call.headers.authorization === `Bearer ${upstreamKey}` ? bad : chat)(call, wire);
    const { gateway, first } = await two(hybrid, refuseOurs, { health: { ...neverOpen, credential_rest: '60s' } });
    const body = ask({ model: 'up/up-1' });
    const authorization = `Bearer ${gatewayKey}`;
    expect((await request(gateway.url, { body, headers: { authorization } })).status).toBe(502);
    expect((await request(gateway.url, { body, headers: { authorization } })).status).toBe(502);
    expect(first.calls).toHaveLength(1);
    expect((await request(gateway.url, { body, headers: brought })).status).toBe(200);
    expect(first.calls).toHaveLength(2);
    // Nor does it say that the operator's works again.
    expect((await request(gateway.url, { body, headers: { authorization } })).status).toBe(502);
    expect(first.calls).toHaveLength(2);
  });
});

test('prompts are kept for no key of a caller, and what is kept for the operator’s is not used with one', async () => {
  const gemini = opened(await startFakeGemini());
  const gateway = await startGateway({
    overlay: {
      ...hybrid,
      providers: {
        up: {
          type: 'gemini',
          base_url: gemini.url,
          api_key: gemini.apiKey,
          accept_client_keys: true,
          catalogue: false,
          context_cache: { mode: 'marker' },
        },
      },
      prices: { 'up/gemini-2.5-flash': { input: 0.3, output: 2.5, cached: 0.03 } },
    },
  });
  const beginning = 'Every word of the handbook. '.repeat(1_171);
  const marked = { type: 'text', text: beginning, cache_control: { type: 'ephemeral' } };
  const say = async (headers: Record<string, string>): Promise<void> => {
    const all = [{ role: 'system', content: [marked] }, ...messages];
    const body = { model: 'up/gemini-2.5-flash', messages: all };
    expect((await request(gateway.url, { body, headers })).status).toBe(200);
  };
  const creates = () => gemini.requests.filter(({ path }) => path.endsWith('/cachedContents')).length;
  const referred = () => gemini.requests.filter(({ body }) => JSON.stringify(body)?.includes('"cachedContent"')).length;
  const withKey = { authorization: `Bearer ${gatewayKey}`, [header]: `up ${gemini.apiKey}` };
  const without = { authorization: `Bearer ${gatewayKey}` };
  for (let count = 0; count < 2; count++) await say(withKey);
  expect([creates(), referred()]).toEqual([0, 0]);
  await say(without);
  await expect.poll(() => gateway.gateway.api.prefixes.list()[0]?.state, { interval: 5 }).toBe('kept');
  await say(withKey);
  expect([creates(), referred()]).toEqual([1, 0]);
  await say(without);
  expect([creates(), referred()]).toEqual([1, 1]);
});

/** Every byte below a directory. */
function everything(directory: string): string {
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'))
    .join('\n');
}

test('G22: the key of a caller is in no log, file, metric, header, decision or answer', async () => {
  const quoting: Script = (call, wire) => {
    const { model } = call.json as { model: string };
    const message = `Bad request by ${theirs}.`;
    return (model === 'quoting' ? json(400, errorBody(message, 'invalid_request_error', theirs, theirs)) : chat)(call, wire);
  };
  const seen: string[] = [];
  for (const [mode, headers] of [
    ['client', own],
    ['hybrid', brought],
  ] as const) {
    const { gateway, rows } = await shared(mode, quoting);
    const admin = { headers: { authorization: `Bearer ${adminKey}` } };
    for (const body of [
      ask(),
      ask({ stream: true }),
      ask({ gateway: { explain: true } }),
      ask({ model: 'up/quoting' }),
      ask({ model: 'nobody' }),
      ask({ model: 'm', messages: 7 }),
    ]) {
      const reply = await request(gateway.url, { body, headers: { ...headers, 'idempotency-key': `once-${seen.length}` } });
      seen.push(reply.head, reply.body.toString());
      const id = reply.headers['x-postern-exchange-id'];
      if (id !== undefined) seen.push(await (await fetch(`${gateway.managementUrl}/admin/v1/exchanges/${id}`, admin)).text());
    }
    await request(gateway.url, { body: ask(), headers: { ...headers, [header]: `up ${theirs} more` } });
    for (const path of [
      '/metrics',
      '/health',
      '/health/providers',
      '/admin/v1/config',
      '/admin/v1/exchanges',
      '/admin/v1/context_caches',
    ])
      seen.push(await (await fetch(`${gateway.managementUrl}${path}`, admin)).text());
    await rows(4);
    seen.push(everything(gateway.dataDir), JSON.stringify(gateway.logs()));
    expect(gateway.logs().length).toBeGreaterThan(6);
  }
  for (const text of seen) for (const secret of [theirs, gatewayKey, adminKey]) expect(text).not.toContain(secret);
});

test('the providers of a gateway key: nothing goes elsewhere, and nothing of others is listed', async () => {
  const [mine, others] = [await up(json(500, errorBody('Oops.'))), await up()];
  const targets = ['others', 'mine'].map((name) => ({ provider: name, model: 'up-1' }));
  const gateway = await startGateway({
    overlay: {
      keys: { alice: { secret: gatewayKey, providers: ['mine'] } },
      providers: { mine: provider(mine.url, { models: ['up-1'] }), others: provider(others.url, { models: ['up-1'] }) },
      models: {
        m: { strategy: 'priority', targets, fallbacks: ['n'], shadow: { provider: 'others', model: 'copy' } },
        n: { targets: [targets[0]] },
      },
      auth: { options: ['explain', 'fallbacks', 'order', 'only'] },
    },
  });
  const headers = { authorization: `Bearer ${gatewayKey}` };
  const say = (body: object) => request(gateway.url, { body: ask(body), headers });
  const failed = await say({ gateway: { explain: true, order: ['others'], fallbacks: ['n', 'others/up-1'] } });
  expect(failed.status).toBe(502);
  const { gateway: explained } = jsonOf<{ gateway: { decision: { choices: { targets: object[] }[] } } }>(failed);
  expect(explained.decision.choices[0]!.targets).toMatchObject([{ excluded: 'not_allowed' }, { excluded: null }]);
  for (const model of ['n', 'others/up-1', 'others/anything'])
    expect(refusal(await say({ model }), 403)).toMatchObject({ code: 'model_not_allowed', param: 'model' });
  expect(refusal(await say({ gateway: { only: ['others'] } }), 400).code).toBe('no_target_allowed');
  const list = await request(gateway.url, { method: 'GET', path: '/v1/models', headers });
  expect(jsonOf<{ data: { id: string }[] }>(list).data.map(({ id }) => id)).toEqual(['m', 'mine/up-1']);
  expect((await request(gateway.url, { method: 'GET', path: '/v1/models/others/up-1', headers })).status).toBe(404);
  const one = await request(gateway.url, { method: 'GET', path: '/v1/models/m', headers });
  expect(one.status).toBe(200);
  expect(one.body.toString()).not.toContain('others');
  expect([mine.calls.length, others.calls.length]).toEqual([1, 0]);
});

test('a dry run says what would become of a call with a key of its own', async () => {
  const { gateway } = await shared('hybrid');
  const explain = async (body: object) => {
    const headers = { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' };
    const init = { method: 'POST', headers, body: JSON.stringify({ body: ask(), ...body }) };
    return (await (await fetch(`${gateway.managementUrl}/admin/v1/explain`, init)).json()) as {
      target: string | null;
      error: { code: string } | null;
      decision: { choices: { targets: object[] }[] };
    };
  };
  expect((await explain({})).target).toBe('other/up-1');
  const bound = await explain({ provider_key: 'up' });
  expect(bound.target).toBe('up/up-1');
  expect(bound.decision.choices[0]!.targets).toMatchObject([{ excluded: 'not_allowed' }, { excluded: null }]);
  expect((await explain({ provider_key: 'other' })).error).toMatchObject({ code: 'provider_key_not_accepted' });
});
