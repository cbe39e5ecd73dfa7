import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { lastWords, secretsIn } from '../../plugins/lifecycle/last-words.ts';
import { ConfigSchema } from '../../schemas/config.ts';
import { chat, chatStream, errorBody } from '../helper/chat.ts';
import { opened } from '../helper/cleanup.ts';
import { ask as request } from '../helper/client.ts';
import { expectEnvelope } from '../helper/envelope.ts';
import { startGateway } from '../helper/gateway.ts';
import { ask, provider } from '../helper/overlay.ts';
import { json, silence } from '../helper/replies.ts';
import { type Script, startUpstream } from '../helper/upstream.ts';

const keys = [
  { key: 'sk-one-CANARY-0123456789abcdef', name: 'one', weight: 3 },
  { key: 'sk-two-CANARY-fedcba9876543210', name: 'two', weight: 1 },
];
const several = { api_key: undefined, api_keys: keys };

/** Answers by the key of the request. */
const byKey =
  (scripts: Readonly<Record<string, Script>>, otherwise: Script = chat): Script =>
  (call, wire) => {
    const name = keys.find(({ key }) => call.headers.authorization === `Bearer ${key}`)?.name ?? '';
    return (scripts[name] ?? otherwise)(call, wire);
  };

const nameOf = ({ headers }: { headers: Readonly<Record<string, string>> }) =>
  keys.find(({ key }) => headers.authorization === `Bearer ${key}`)?.name;

const revoked = json(401, errorBody(`Incorrect API key provided: ${keys[0]!.key}`, 'invalid_request_error', 'invalid_api_key'));
const forbidden = json(403, errorBody('This key may not use the model.', 'permission_error'));
const unpaid = json(402, errorBody('Payment required.', 'billing_error'));
const spent = json(429, errorBody('You exceeded your quota.', 'insufficient_quota', 'insufficient_quota'));
const limited = json(429, errorBody('Slow down.', 'requests', 'rate_limit_exceeded'), { 'retry-after': '30' });

const models = { m: { strategy: 'priority', targets: [{ provider: 'up', model: 'up-1' }] } };
const overlayOf = (url: string, extra: object = {}) => ({ providers: { up: provider(url, several) }, models, ...extra });

/** The one provider as /health/providers shows it. */
async function shownOf(managementUrl: string) {
  const { data } = (await (await fetch(`${managementUrl}/health/providers`)).json()) as {
    data: { status: string; keys: { total: number; parked: object[] }; targets: object[] }[];
  };
  return data[0]!;
}

test('calls are spread over the keys by weight', async () => {
  const up = opened(await startUpstream(chat));
  const gateway = await startGateway({ overlay: overlayOf(up.url) });
  for (let count = 0; count < 12; count++) expect((await request(gateway.url, { body: ask() })).status).toBe(200);
  expect(up.calls.map(nameOf).filter((name) => name === 'one')).toHaveLength(9);
});

test.each([
  ['A6: 401', revoked, 'authentication', true],
  ['A6: 403', forbidden, 'authentication', false],
  ['A3: 402', unpaid, 'quota', true],
  ['A3: a spent quota', spent, 'quota', true],
  ['A1: 429', limited, 'rate_limit', false],
] as const)(
  '%s of one key is answered with another one at once, and the key is parked',
  async (_name, refusal, reason, everywhere) => {
    const up = opened(await startUpstream(byKey({ one: refusal })));
    const gateway = await startGateway({ overlay: overlayOf(up.url), log: 'trace' });
    const first = await request(gateway.url, { body: ask() });
    expect(first).toMatchObject({ status: 200, headers: { 'x-postern-provider': 'up', 'x-postern-attempts': '2' } });
    expect(up.calls.map(nameOf)).toEqual(['one', 'two']);
    for (let count = 0; count < 5; count++)
      expect((await request(gateway.url, { body: ask() })).headers['x-postern-attempts']).toBe('1');
    expect(up.calls.slice(2).map(nameOf)).toEqual(['two', 'two', 'two', 'two', 'two']);

    const shown = await shownOf(gateway.managementUrl);
    expect(shown.targets[0]).toMatchObject({ status: 'ok', breaker: 'closed', parked_keys: [{ name: 'one', reason }] });
    expect(shown.keys).toEqual({ total: 2, parked: everywhere ? [expect.objectContaining({ name: 'one', reason })] : [] });
    const metrics = await (await fetch(`${gateway.managementUrl}/metrics`)).text();
    if (everywhere) expect(metrics).toContain(`postern_provider_keys_parked{provider="up",reason="${reason}"} 1`);
    const told = gateway.logs().filter(({ level, credential }) => level === 'warn' && credential !== undefined);
    const warned = reason === 'rate_limit' ? [] : [expect.objectContaining({ provider: 'up', credential: 'one', reason })];
    expect(told).toEqual(warned);
    for (const text of [JSON.stringify(gateway.logs()), JSON.stringify(shown), metrics, first.body.toString()]) {
      expect(text).not.toContain('CANARY');
    }
  },
);

test('A6: with every key refused the caller is told 502, each key was asked once, and the provider is shown as unavailable', async () => {
  const up = opened(await startUpstream(revoked));
  const gateway = await startGateway({ overlay: overlayOf(up.url) });
  const reply = await request(gateway.url, { body: ask() });
  expect(reply).toMatchObject({ status: 502, headers: { 'x-postern-attempts': '2' } });
  expect(expectEnvelope(reply)).toMatchObject({ code: 'upstream_error' });
  expect(up.calls.map(nameOf)).toEqual(['one', 'two']);
  expect((await request(gateway.url, { body: ask() })).status).toBe(502);
  expect(up.calls).toHaveLength(2);
  const shown = await shownOf(gateway.managementUrl);
  expect(shown).toMatchObject({ status: 'unavailable', targets: [{ status: 'unavailable', unavailable_because: 'keys' }] });
  const rows = await gateway.ledgerRows(2);
  expect(rows.map((row) => [row.outcome, row.reason, row.cost_nano])).toEqual([
    ['failed', 'authentication', 0],
    ['failed', 'authentication', 0],
  ]);
});

test("A3: with every key's quota spent the caller is told 503, never insufficient_quota", async () => {
  const up = opened(await startUpstream(spent));
  const gateway = await startGateway({ overlay: overlayOf(up.url) });
  for (let count = 0; count < 2; count++) {
    const reply = await request(gateway.url, { body: ask() });
    expect(reply.status).toBe(503);
    expect(expectEnvelope(reply).code).toBe('upstream_unavailable');
    expect(reply.body.toString()).not.toContain('insufficient_quota');
    expect(Number(reply.headers['retry-after'])).toBeGreaterThan(200);
  }
  expect(up.calls).toHaveLength(2);
});

test('the retry budget and max_attempts bound the keys that are tried', async () => {
  const up = opened(await startUpstream(revoked));
  const one = await startGateway({ overlay: overlayOf(up.url, { retries: { max_attempts: 1 } }) });
  expect((await request(one.url, { body: ask() })).headers['x-postern-attempts']).toBe('1');
  const none = await startGateway({ overlay: overlayOf(up.url, { retries: { budget: { ratio: 0, min_per_second: 0 } } }) });
  expect((await request(none.url, { body: ask() })).headers['x-postern-attempts']).toBe('1');
  expect(up.calls).toHaveLength(2);
});

test('A5: a key is not parked for what its server does', async () => {
  const up = opened(await startUpstream(json(500, errorBody('broken'))));
  const gateway = await startGateway({ overlay: overlayOf(up.url, { health: { consecutive_failures: 100, failure_ratio: 1 } }) });
  for (let count = 0; count < 8; count++)
    expect((await request(gateway.url, { body: ask() })).headers['x-postern-attempts']).toBe('1');
  expect(new Set(up.calls.map(nameOf))).toEqual(new Set(['one', 'two']));
  const shown = await shownOf(gateway.managementUrl);
  expect(shown.keys.parked).toEqual([]);
});

test('a timeout that the caller asked for trips no breaker and parks no key', async () => {
  const up = opened(await startUpstream(silence));
  const gateway = await startGateway({ overlay: overlayOf(up.url, { health: { consecutive_failures: 1 } }) });
  const calls = Array.from({ length: 6 }, () => request(gateway.url, { body: ask(), headers: { 'x-postern-timeout': '60ms' } }));
  for (const reply of await Promise.all(calls)) expect(reply.status).toBe(504);
  const shown = await shownOf(gateway.managementUrl);
  expect(shown).toMatchObject({ status: 'ok', keys: { parked: [] }, targets: [{ breaker: 'closed', consecutive_failures: 0 }] });
  up.script = chat;
  expect((await request(gateway.url, { body: ask() })).status).toBe(200);
});

test('a parked key is tried by one call after its rest, and is used again when that one succeeds', { retry: 2 }, async () => {
  const up = opened(await startUpstream(byKey({ one: revoked })));
  const gateway = await startGateway({ overlay: overlayOf(up.url, { health: { credential_rest: '300ms' } }) });
  await request(gateway.url, { body: ask() });
  up.script = async (call, wire) => {
    await sleep(100);
    await chat(call, wire);
  };
  await sleep(320);
  up.calls.length = 0;
  await Promise.all(Array.from({ length: 8 }, () => request(gateway.url, { body: ask() })));
  expect(up.calls.map(nameOf).filter((name) => name === 'one')).toHaveLength(1);
  up.calls.length = 0;
  await Promise.all(Array.from({ length: 8 }, () => request(gateway.url, { body: ask() })));
  expect(up.calls.map(nameOf).filter((name) => name === 'one').length).toBeGreaterThan(3);
});

test('nothing is asked with another key once content has reached the caller', async () => {
  const cut = chatStream({ text: ['Hello'], finish: null, usage: null, done: false });
  const up = opened(await startUpstream(cut));
  const gateway = await startGateway({ overlay: overlayOf(up.url) });
  const reply = await request(gateway.url, { body: ask({ stream: true }) });
  expect(reply.body.toString()).toContain('stream_interrupted');
  expect(up.calls).toHaveLength(1);
});

test('A8: a configured model that is gone is told to the operator once, and answered by the next target', async () => {
  const gone = json(404, errorBody('The model `up-1` does not exist.', 'invalid_request_error', 'model_not_found'));
  const [a, b] = [opened(await startUpstream(gone)), opened(await startUpstream(chat))];
  const targets = ['a', 'b'].map((name) => ({ provider: name, model: 'up-1' }));
  const gateway = await startGateway({
    overlay: { providers: { a: provider(a.url), b: provider(b.url) }, models: { m: { strategy: 'priority', targets } } },
    log: 'warn',
  });
  for (let count = 0; count < 3; count++) {
    expect((await request(gateway.url, { body: ask() })).headers['x-postern-provider']).toBe('b');
  }
  await request(gateway.url, { body: ask({ model: 'a/made-up' }) });
  const told = gateway.logs().filter(({ msg }) => String(msg).includes('does not have this model'));
  expect(told).toEqual([expect.objectContaining({ provider: 'a', target: 'up-1', model: 'm' })]);
});

test('security 9: no key of a list is in the admin API, the log, or the words of an upstream that a caller is told', async () => {
  const quoting = keys.map(({ key }) => `Bearer ${key} and ${key}`).join(' ');
  const up = opened(await startUpstream(json(400, errorBody(`You sent ${quoting}`, 'invalid_request_error'))));
  const gateway = await startGateway({
    overlay: overlayOf(up.url),
    env: { ADMIN_API_KEY: 'admin-key-0123456789abcdef' },
    log: 'trace',
  });
  const reply = await request(gateway.url, { body: ask() });
  expect(reply.status).toBe(400);
  const config = await fetch(`${gateway.managementUrl}/admin/v1/config`, {
    headers: { authorization: 'Bearer admin-key-0123456789abcdef' },
  });
  const shown = await config.text();
  expect(JSON.parse(shown).data.providers.up.api_keys).toEqual([
    { key: { set: true }, name: 'one', weight: 3 },
    { key: { set: true }, name: 'two', weight: 1 },
  ]);
  for (const text of [shown, reply.body.toString(), JSON.stringify(gateway.logs())]) expect(text).not.toContain('CANARY');
  const words = lastWords(new Error(`it broke on ${quoting}`), secretsIn(ConfigSchema, gateway.config));
  expect(words.message).not.toContain('CANARY');
});
