import { randomBytes } from 'node:crypto';
import { beforeAll, expect, test, vi } from 'vitest';
import { chat } from '../../helper/chat.ts';
import { opened } from '../../helper/cleanup.ts';
import { ask as request } from '../../helper/client.ts';
import { startGateway, type TestGateway } from '../../helper/gateway.ts';
import { ask, provider } from '../../helper/overlay.ts';
import { anyRedis, randomPrefix } from '../../helper/redis.ts';
import { startUpstream } from '../../helper/upstream.ts';

const adminKey = 'admin-key-kR8vQ2mN5tX9wB3c';
const secret = 'sk-shared-CANARY-0123456789abcdef';
const key = randomBytes(32).toString('base64');
let redis: string;

beforeAll(async () => {
  redis = await anyRedis();
});

async function replica(prefix: string, url: string, env: Readonly<Record<string, string>> = {}): Promise<TestGateway> {
  const models = { m: { strategy: 'priority', targets: [{ provider: 'up', model: 'up-1' }] } };
  const overlay = { redis_prefix: prefix, providers: { up: provider(url, { api_key: undefined, api_keys: [] }) }, models };
  return startGateway({ overlay, env: { ADMIN_API_KEY: adminKey, REDIS_URL: redis, ENCRYPTION_KEY: key, ...env } });
}

async function call(gateway: TestGateway, method: string, path: string, body?: object) {
  const response = await fetch(`${gateway.managementUrl}/admin/v1/providers/up/keys${path}`, {
    method,
    headers: { authorization: `Bearer ${adminKey}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, text: await response.text() };
}

test('G27: a key of a provider is used and revoked on every replica within 2 s, over Redis', { retry: 2 }, async () => {
  const prefix = randomPrefix();
  const up = opened(await startUpstream(chat));
  const [one, other] = [await replica(prefix, up.url), await replica(prefix, up.url)];
  const made = await call(one, 'POST', '', { key: secret });
  expect(made.status).toBe(201);
  const status = async () => (await request(other.url, { body: ask() })).status;
  await vi.waitFor(async () => expect(await status()).toBe(200), { timeout: 2_000, interval: 20 });
  expect((await call(other, 'DELETE', `/${JSON.parse(made.text).id}`)).status).toBe(204);
  expect(await status()).toBeGreaterThanOrEqual(500);
  const first = async () => (await request(one.url, { body: ask() })).status;
  await vi.waitFor(async () => expect(await first()).toBeGreaterThanOrEqual(500), { timeout: 2_000, interval: 20 });
});

test('a replica with a new encryption key reads what the others wrote, one without it is refused by name', {
  retry: 2,
}, async () => {
  const prefix = randomPrefix();
  const up = opened(await startUpstream(chat));
  const one = await replica(prefix, up.url);
  await call(one, 'POST', '', { key: secret });
  await one.close();
  const next = { ENCRYPTION_KEY: randomBytes(32).toString('base64') };
  await expect(replica(prefix, up.url, next)).rejects.toThrow(/kek_[0-9a-f]{16} \(\d+ documents?\)/);
  const rotating = await replica(prefix, up.url, { ...next, PREVIOUS_ENCRYPTION_KEYS: key });
  expect((await request(rotating.url, { body: ask() })).status).toBe(200);
  await vi.waitFor(async () => {
    const health = (await (await fetch(`${rotating.managementUrl}/health`)).json()) as { records: object };
    expect(health.records).toMatchObject({ unreadable: 0, under_previous_keys: 0 });
  });
  await rotating.close();
  const after = await replica(prefix, up.url, next);
  expect((await request(after.url, { body: ask() })).status).toBe(200);
});
