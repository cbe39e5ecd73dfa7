import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { whenDone } from '../helper/cleanup.ts';
import { type GatewayProcess, startProcess } from '../helper/process.ts';
import { type RedisServer, startRedis } from '../helper/redis.ts';

const adminKey = 'an-admin-key-of-the-replicas';
// The tests ask until a key is known, or is not any more.
const file = 'auth: { mode: gateway, failed_attempts: { max: 10000, window: 1m } }';
const dataDirs: string[] = [];
let redis: RedisServer;
let env: Record<string, string>;
let fleet: GatewayProcess[] = [];

function dataDir(): string {
  const path = mkdtempSync(join(tmpdir(), 'postern-replica-'));
  whenDone(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Ends with the file, also when a test has started it. */
const start = (directory: string): Promise<GatewayProcess> => startProcess({ env, file, dataDir: directory });
afterAll(() => Promise.all(fleet.map((each) => each.close())));

beforeAll(async () => {
  redis = await startRedis();
  env = {
    AUTH_MODE: 'gateway',
    REDIS_URL: redis.url,
    ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    ADMIN_API_KEY: adminKey,
  };
  for (let at = 0; at < 3; at++) dataDirs.push(dataDir());
  // All at once: the first start of each is the first start of the fleet.
  fleet = await Promise.all(dataDirs.map(start));
}, 60_000);

interface Answer {
  readonly status: number;
  readonly body: { readonly [name: string]: unknown };
}

async function ask(
  url: string,
  key: string,
  method = 'GET',
  body?: object,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(url, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      connection: 'close',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? {} : JSON.parse(text) };
}

const admin = (at: number, path: string, method?: string, body?: object, headers?: Record<string, string>): Promise<Answer> =>
  ask(`${fleet[at]!.managementUrl}/admin/v1/${path}`, adminKey, method, body, headers);

const chat = { model: 'sandbox/echo', messages: [{ role: 'user', content: 'Hello' }] };
const call = (at: number, key: string): Promise<number> =>
  ask(`${fleet[at]!.url}/v1/chat/completions`, key, 'POST', chat).then(
    ({ status }) => status,
    () => 0,
  );

async function made(at: number, name: string): Promise<{ id: string; key: string }> {
  const { status, body } = await admin(at, 'keys', 'POST', { name });
  expect([status, body]).toEqual([201, expect.objectContaining({ id: expect.stringMatching(/^key_/) })]);
  return body as { id: string; key: string };
}

/** Milliseconds until it holds. */
async function until(holds: () => Promise<boolean>, withinMs = 10_000): Promise<number> {
  const began = performance.now();
  while (!(await holds())) {
    if (performance.now() - began > withinMs) throw new Error(`It did not happen within ${withinMs} ms.`);
    await sleep(30);
  }
  return performance.now() - began;
}

const total = async (at: number): Promise<unknown> => (await admin(at, 'usage')).body.total;

/** Settled rows of every ledger: calls, tokens in and out. */
function ledgers(): [number, number, number] {
  const sums: [number, number, number] = [0, 0, 0];
  for (const directory of dataDirs) {
    const database = new DatabaseSync(join(directory, 'ledger.sqlite'), { readOnly: true });
    const sql = "SELECT count(*) AS calls, sum(input) AS input, sum(output) AS output FROM attempts WHERE state = 'settled'";
    const { calls, input, output } = database.prepare(sql).get() as Record<string, number>;
    database.close();
    for (const [place, each] of [calls, input, output].entries()) sums[place]! += each ?? 0;
  }
  return sums;
}

async function expectAgreement(): Promise<void> {
  for (let at = 0; at < fleet.length; at++) {
    await until(async () => {
      const [attempts, prompt_tokens, completion_tokens] = ledgers();
      const said = (await total(at)) as Record<string, number>;
      return said.attempts === attempts && said.prompt_tokens === prompt_tokens && said.completion_tokens === completion_tokens;
    });
  }
}

describe('replicas over one Redis', () => {
  test('replicas that start at once agree on one pepper: a key of one works on all', async () => {
    const { key } = await made(0, 'first');
    for (const at of [0, 1, 2]) expect(await until(async () => (await call(at, key)) === 200)).toBeLessThan(2_000);
  });

  test('G27: a revoked key ends on every replica within 2 s', { retry: 2 }, async () => {
    const { id, key } = await made(1, 'revoked');
    for (const at of [0, 1, 2]) await until(async () => (await call(at, key)) === 200);
    expect((await admin(1, `keys/${id}`, 'DELETE')).status).toBe(204);
    const began = performance.now();
    await Promise.all([0, 1, 2].map((at) => until(async () => (await call(at, key)) === 401)));
    expect(performance.now() - began).toBeLessThan(2_000);
  });

  test('G1 G3: usage is the same on every replica and the sum of the ledgers, also after kill -9 of one', async () => {
    const { key } = await made(2, 'spender');
    for (const at of [0, 1, 2]) await until(async () => (await call(at, key)) === 200);
    const calls = Array.from({ length: 45 }, (_, at) => call(at % 3, key));
    await Promise.race(calls);
    fleet[2]!.signal('SIGKILL');
    await fleet[2]!.exited;
    await Promise.all(calls);
    fleet[2] = await start(dataDirs[2]!);
    await expectAgreement();
    const own = await ask(`${fleet[2]!.url}/v1/usage`, key);
    expect((own.body.total as { requests: number }).requests).toBeGreaterThan(30);
  });

  test('R1 R2: while Redis is away known keys work and none is refused, changes get 503; emptied, it is filled again', async () => {
    const { id, key } = await made(0, 'through an outage');
    for (const at of [0, 1, 2]) await until(async () => (await call(at, key)) === 200);
    await redis.kill();
    for (let round = 0; round < 5; round++) for (const at of [0, 1, 2]) expect(await call(at, key), `replica ${at}`).toBe(200);
    const refused = await admin(0, `keys/${id}`, 'DELETE');
    expect([refused.status, (refused.body.error as { code: string }).code]).toEqual([503, expect.any(String)]);
    await redis.start();
    await until(async () => (await admin(1, `keys/${id}`, 'DELETE')).status === 204);
    const began = performance.now();
    await Promise.all([0, 1, 2].map((at) => until(async () => (await call(at, key)) === 401)));
    expect(performance.now() - began).toBeLessThan(2_000);
    await expectAgreement();
    const health = (await ask(`${fleet[0]!.managementUrl}/health`, adminKey)).body;
    expect(JSON.stringify(health)).toContain('fleet_usage');
  });
});
