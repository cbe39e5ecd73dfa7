import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test, vi } from 'vitest';
import { chat, chatStream, errorBody } from '../../helper/chat.ts';
import { opened } from '../../helper/cleanup.ts';
import { ask as request, textOf } from '../../helper/client.ts';
import { expectEnvelope } from '../../helper/envelope.ts';
import { startGateway, type TestGateway } from '../../helper/gateway.ts';
import { ask, provider } from '../../helper/overlay.ts';
import { json } from '../../helper/replies.ts';
import { type Script, startUpstream } from '../../helper/upstream.ts';

const adminKey = 'admin-key-kR8vQ2mN5tX9wB3c';
const secret = 'sk-added-CANARY-0123456789abcdef';
const env = { ADMIN_API_KEY: adminKey };
const models = { m: { strategy: 'priority', targets: [{ provider: 'up', model: 'up-1' }] } };
const waiting = (url: string) => ({ providers: { up: provider(url, { api_key: undefined, api_keys: [] }) }, models });

async function call(gateway: TestGateway, method: string, path: string, body?: object) {
  const response = await fetch(`${gateway.managementUrl}/admin/v1/providers/${path}`, {
    method,
    headers: { authorization: `Bearer ${adminKey}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: text === '' ? null : JSON.parse(text) };
}

const sentWith = (calls: readonly { readonly headers: Readonly<Record<string, string>> }[]) =>
  calls.map(({ headers }) => headers.authorization);

test('a provider without a key says so, gets its first one without a restart, and loses it again', async () => {
  const up = opened(await startUpstream(chat));
  const gateway = await startGateway({ overlay: waiting(up.url), env, log: 'trace' });
  const before = await request(gateway.url, { body: ask() });
  expect(before.status).toBeGreaterThanOrEqual(500);
  expectEnvelope(before);
  expect(up.calls).toEqual([]);

  const made = await call(gateway, 'POST', 'up/keys', { key: secret, name: 'mine' });
  expect(made.status).toBe(201);
  expect(made.json).toEqual({
    id: expect.stringMatching(/^pkey_/),
    provider: 'up',
    name: 'mine',
    weight: 1,
    created_at: expect.closeTo(Date.now() / 1000, -1),
  });
  expect((await request(gateway.url, { body: ask() })).status).toBe(200);
  expect(sentWith(up.calls)).toEqual([`Bearer ${secret}`]);
  expect((await call(gateway, 'GET', 'up/keys')).json).toEqual({ data: [made.json], next_cursor: null });

  const removed = await call(gateway, 'DELETE', `up/keys/${made.json.id}`);
  expect([removed.status, removed.text]).toEqual([204, '']);
  expect((await request(gateway.url, { body: ask() })).status).toBe(before.status);
  expect(up.calls).toHaveLength(1);
  expect((await call(gateway, 'DELETE', `up/keys/${made.json.id}`)).json.error.code).toBe('provider_key_not_found');

  const audited = gateway.logs().filter(({ audit, outcome }) => audit === true && outcome === 'ok');
  expect(audited.map(({ action, target }) => [action, target])).toContainEqual(['provider_keys.create', 'up']);
  expect(JSON.stringify(gateway.logs())).not.toContain('CANARY');
});

test('security 33: the key is encrypted on disk, is in no document and in no word of its provider', async () => {
  const refused: Script = json(
    401,
    errorBody(`Incorrect API key provided: ${secret}`, 'invalid_request_error', 'invalid_api_key'),
  );
  const up = opened(await startUpstream(refused));
  const gateway = await startGateway({ overlay: waiting(up.url), env, log: 'trace' });
  await call(gateway, 'POST', 'up/keys', { key: secret });
  const answer = await request(gateway.url, { body: ask() });
  expect(answer.status).toBe(502);
  const shown = [answer.body.toString(), JSON.stringify(answer.headers), JSON.stringify(gateway.logs())];
  for (const path of [
    '/health',
    '/health/providers',
    '/metrics',
    '/openapi.json',
    '/admin/v1/config',
    '/admin/v1/models',
    '/admin/v1/exchanges',
  ]) {
    const response = await fetch(`${gateway.managementUrl}${path}`, { headers: { authorization: `Bearer ${adminKey}` } });
    shown.push(await response.text());
  }
  for (const text of shown) expect(text).not.toContain('CANARY');
  for (const file of ['state.sqlite', 'state.sqlite-wal']) {
    expect(readFileSync(join(gateway.dataDir, file)).includes('CANARY')).toBe(false);
  }
});

test('a call under way finishes with the key that is removed, the next one goes without it', async () => {
  const release = Promise.withResolvers<void>();
  const up = opened(
    await startUpstream(async (each, wire) => {
      if (each.headers.authorization === 'Bearer sk-kept-0123456789') return chat(each, wire);
      await release.promise;
      return chatStream()(each, wire);
    }),
  );
  const keys = [{ key: 'sk-kept-0123456789', name: 'kept' }];
  const overlay = { providers: { up: provider(up.url, { api_key: undefined, api_keys: keys }) }, models };
  const gateway = await startGateway({ overlay, env });
  const { json: made } = await call(gateway, 'POST', 'up/keys', { key: secret, weight: 1_000 });
  const streaming = request(gateway.url, { body: ask({ stream: true }) });
  await up.arrived(1);
  expect(sentWith(up.calls)).toEqual([`Bearer ${secret}`]);
  expect((await call(gateway, 'DELETE', `up/keys/${made.id}`)).status).toBe(204);
  expect((await request(gateway.url, { body: ask() })).status).toBe(200);
  expect(sentWith(up.calls)[1]).toBe('Bearer sk-kept-0123456789');
  release.resolve();
  const answer = await streaming;
  expect(textOf(answer.body)).toBe('Hello there');
});

test('the state of the other keys is kept when one comes or goes', async () => {
  const up = opened(
    await startUpstream((each, wire) =>
      each.headers.authorization === 'Bearer sk-bad-0123456789'
        ? json(401, errorBody('Incorrect API key.', 'invalid_request_error', 'invalid_api_key'))(each, wire)
        : chat(each, wire),
    ),
  );
  const keys = [
    { key: 'sk-bad-0123456789', name: 'bad', weight: 1_000 },
    { key: 'sk-good-0123456789', name: 'good' },
  ];
  const gateway = await startGateway({
    overlay: { providers: { up: provider(up.url, { api_key: undefined, api_keys: keys }) }, models },
    env,
  });
  expect((await request(gateway.url, { body: ask() })).status).toBe(200);
  const { json: made } = await call(gateway, 'POST', 'up/keys', { key: secret });
  const shown = async () => {
    const { data } = (await (await fetch(`${gateway.managementUrl}/health/providers`)).json()) as {
      data: { keys: { total: number; parked: { name: string }[] } }[];
    };
    return data[0]!.keys;
  };
  expect(await shown()).toMatchObject({ total: 3, parked: [{ name: 'bad' }] });
  await call(gateway, 'DELETE', `up/keys/${made.id}`);
  expect(await shown()).toMatchObject({ total: 2, parked: [{ name: 'bad' }] });
  const sent = up.calls.length;
  for (let count = 0; count < 3; count++) await request(gateway.url, { body: ask() });
  expect(new Set(sentWith(up.calls.slice(sent)))).toEqual(new Set(['Bearer sk-good-0123456789']));
});

let idle: TestGateway;
beforeAll(async () => {
  const keys = { a: { secret: 'gw-kR8vQ2mN5tX9wB3cF7hJ' } };
  idle = await startGateway({ overlay: { ...waiting('http://127.0.0.1:9/v1'), keys }, env });
});

test.each<[string, string, object | undefined, number, string | null]>([
  ['no key', 'up/keys', {}, 400, null],
  ['an empty key', 'up/keys', { key: '' }, 400, 'key'],
  ['null for a key', 'up/keys', { key: null }, 400, 'key'],
  ['a list for a key', 'up/keys', { key: [secret] }, 400, 'key'],
  ['a key of 5,000 characters', 'up/keys', { key: 'x1y2'.repeat(1_250) }, 400, 'key'],
  ['a name with a slash', 'up/keys', { key: secret, name: 'a/b' }, 400, 'name'],
  ['a negative weight', 'up/keys', { key: secret, weight: -1 }, 400, 'weight'],
  ['a field nobody knows', 'up/keys', { key: secret, base_url: 'http://evil' }, 400, null],
  ['a provider nobody knows', 'nobody/keys', { key: secret }, 404, null],
])('%s is refused with an envelope that does not repeat the key', async (_what, path, body, status, param) => {
  const answer = await call(idle, 'POST', path, body);
  expect(answer.status).toBe(status);
  if (param !== null) expect(answer.json.error.param).toBe(param);
  expect(answer.text).not.toContain('CANARY');
  expect((await call(idle, 'GET', 'up/keys')).json.data).toEqual([]);
});

test('nothing of it without the admin key, or with a gateway key', async () => {
  for (const authorization of ['', 'Bearer gw-kR8vQ2mN5tX9wB3cF7hJ', 'Bearer wrong']) {
    for (const [method, path] of [
      ['POST', 'up/keys'],
      ['GET', 'up/keys'],
      ['DELETE', `up/keys/pkey_${'0'.repeat(24)}`],
    ] as const) {
      const headers: Record<string, string> = {
        'content-type': 'application/json',
        ...(authorization === '' ? {} : { authorization }),
      };
      const body = method === 'POST' ? JSON.stringify({ key: secret }) : undefined;
      const response = await fetch(`${idle.managementUrl}/admin/v1/providers/${path}`, {
        method,
        headers,
        ...(body === undefined ? {} : { body }),
      });
      expect([401, 429]).toContain(response.status);
    }
  }
  expect((await call(idle, 'GET', 'up/keys')).json.data).toEqual([]);
});

test('/health counts the documents, and says what is still under a previous encryption key', async () => {
  const health = async () => (await (await fetch(`${idle.managementUrl}/health`)).json()) as { records: object };
  const { total } = (await health()).records as { total: number };
  await call(idle, 'POST', 'up/keys', { key: secret });
  await vi.waitFor(async () =>
    expect((await health()).records).toEqual({ total: total + 1, unreadable: 0, under_previous_keys: 0 }),
  );
});
