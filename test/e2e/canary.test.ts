import { createHash, createHmac, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { keptPepper } from '../../plugins/identity/pepper.ts';
import { chat, errorBody } from '../helper/chat.ts';
import { opened, whenDone } from '../helper/cleanup.ts';
import { open, type Reply, ask as request } from '../helper/client.ts';
import { faults } from '../helper/faults.ts';
import { startGateway } from '../helper/gateway.ts';
import { ask, neverOpen, provider } from '../helper/overlay.ts';
import { startRedis } from '../helper/redis.ts';
import { json } from '../helper/replies.ts';
import { type Script, startUpstream } from '../helper/upstream.ts';
import { until } from '../plugins/limits/redis-rig.ts';

// Every secret a gateway has, used in every way that works and fails, and then looked for in all that it says and keeps.

/** Characters that URLs and JSON write in another way are among them. */
const secret = (name: string): string => `${name}+${randomBytes(18).toString('base64url')}/é=`.replace('é', '~');
/** For headers whose form allows no more. */
const plain = (name: string): string => `${name}-${randomBytes(18).toString('hex')}`;

const own = {
  /** Of the configuration. */
  callerKey: plain('caller'),
  limitedKey: plain('limited'),
  spentKey: plain('spent'),
  imported: secret('imported'),
  wrongKey: plain('wrong'),
  adminKey: plain('admin'),
  wrongAdminKey: plain('wrong-admin'),
  operatorKey: plain('operator'),
  /** By the admin API. */
  addedProviderKey: plain('added'),
  /** A caller's own key of a provider. */
  broughtKey: plain('brought'),
  redisPassword: secret('redis'),
  webhookSecret: secret('webhook'),
  webhookPath: plain('hook'),
};
const encryptionKey = randomBytes(32).toString('base64');

/** Where a text was found that must not be there. */
class Haystacks {
  readonly #all: (readonly [string, Buffer])[] = [];

  add(name: string, text: string | Buffer): void {
    this.#all.push([name, Buffer.isBuffer(text) ? text : Buffer.from(text)]);
  }

  get size(): number {
    return this.#all.reduce((sum, [, text]) => sum + text.length, 0);
  }

  has(text: string): boolean {
    return this.#all.some(([, each]) => each.includes(text));
  }

  find(name: string, needle: string | Buffer): string[] {
    return this.#all.filter(([, text]) => text.includes(needle)).map(([where]) => `${name} in ${where}`);
  }
}

/** Base64 at each of its three alignments, without the characters that depend on what is beside it. */
function base64Forms(bytes: Buffer): string[] {
  const forms = [0, 1, 2].flatMap((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    const inner = text.slice(Math.ceil((before * 8) / 6), (before + bytes.length) % 3 === 0 ? undefined : -1);
    return [inner, inner.replaceAll('+', '-').replaceAll('/', '_')];
  });
  return [...new Set(forms)];
}

/** How a secret may be written. */
function forms(text: string): (string | Buffer)[] {
  const bytes = Buffer.from(text);
  return [
    text,
    text.slice(-8),
    encodeURIComponent(text),
    encodeURIComponent(text.slice(-8)),
    bytes.toString('hex'),
    ...base64Forms(bytes),
  ];
}

const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
const written = (digest: Buffer): (string | Buffer)[] => [digest, digest.toString('hex'), ...base64Forms(digest)];

function files(directory: string): (readonly [string, Buffer])[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(join(directory, name)).isFile())
    .map((name) => [name, readFileSync(join(directory, name))] as const);
}

/** Every key with its whole value, as bytes. */
async function dump(port: number, password: string): Promise<(readonly [string, Buffer])[]> {
  const client = new Redis({ port, password });
  const flat = (value: unknown): Buffer[] =>
    Buffer.isBuffer(value)
      ? [value, Buffer.from('\n')]
      : Array.isArray(value)
        ? value.flatMap(flat)
        : [Buffer.from(`${value}\n`)];
  const read: Readonly<Record<string, (key: Buffer) => Promise<unknown>>> = {
    string: (key) => client.getBuffer(key),
    hash: (key) => client.callBuffer('HGETALL', key),
    zset: (key) => client.callBuffer('ZRANGE', key, 0, -1, 'WITHSCORES'),
    set: (key) => client.callBuffer('SMEMBERS', key),
    list: (key) => client.callBuffer('LRANGE', key, 0, -1),
    stream: (key) => client.callBuffer('XRANGE', key, '-', '+'),
  };
  const found: (readonly [string, Buffer])[] = [];
  for (const key of (await client.callBuffer('KEYS', '*')) as Buffer[]) {
    const type = await client.type(key);
    found.push([`Redis ${type} ${key.toString('latin1')}`, Buffer.concat([key, ...flat(await read[type]!(key))])]);
  }
  client.disconnect();
  return found;
}

test('G22: no secret is in any log, metric, answer, error, ledger, file or key of Redis, whatever works or fails', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'postern-canary-'));
  whenDone(() => rmSync(dataDir, { recursive: true, force: true }));
  const redis = await startRedis({ args: ['--requirepass', own.redisPassword] });
  let play: Script = chat;
  const upstream = opened(await startUpstream((call, wire) => play(call, wire)));
  /** Says what it was asked with, as some providers do. */
  const quoting: Script = (call, wire) => {
    const said = `Incorrect API key provided: ${call.headers.authorization}; ${JSON.stringify(call.headers)}`;
    return json(401, errorBody(said, 'invalid_request_error', 'invalid_api_key', String(call.headers.authorization)))(call, wire);
  };
  const gateway = await startGateway({
    log: 'trace',
    env: {
      DATA_DIR: dataDir,
      REDIS_URL: redis.url,
      ENCRYPTION_KEY: encryptionKey,
      ADMIN_API_KEY: own.adminKey,
    },
    overlay: {
      providers: { a: provider(upstream.url, { api_key: own.operatorKey, accept_client_keys: true, models: ['up-1'] }) },
      models: { m: { targets: [{ provider: 'a', model: 'up-1' }] } },
      auth: { mode: 'hybrid', options: ['explain', 'order'], failed_attempts: { max: 20, window: '1m' } },
      keys: {
        caller: { secret: own.callerKey },
        limited: { secret: own.limitedKey, rate_limits: { requests_per_minute: 1 } },
        spent: { secret: own.spentKey, budgets: [{ requests: 1, period: 'month' }] },
      },
      alerts: {
        timeout: '100ms',
        webhooks: [{ url: `${upstream.url.replace('/v1', '')}/${own.webhookPath}`, secret: own.webhookSecret }],
      },
      health: { ...neverOpen, max_rest: '0s' },
      retries: { max_attempts: 1 },
      prices: { 'a/up-1': { input: 1, output: 2 } },
      timeouts: { first_byte: '300ms', first_content: '300ms', idle: '300ms' },
      logging: { access: true, decisions: true },
    },
  });
  const { limits, records } = gateway.gateway.api;
  await until('budgets can be asked', () => limits.store.problem() === null && records.problem() === null);

  const seen = new Haystacks();
  const made: Record<string, string> = {};
  const note = (what: string, { head, body }: Reply): void => seen.add(what, Buffer.concat([Buffer.from(head), body]));
  const call = async (key: string, extra: object = {}, headers: Record<string, string> = {}): Promise<Reply> => {
    const reply = await request(gateway.url, { body: ask(extra), headers: { authorization: `Bearer ${key}`, ...headers } });
    note(`the answer to ${JSON.stringify(extra)}`, reply);
    return reply;
  };
  const admin = async (method: string, path: string, body?: object, key = own.adminKey): Promise<Record<string, string>> => {
    const headers = { authorization: `Bearer ${key}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
    const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    const reply = await fetch(`${gateway.managementUrl}/admin/v1/${path}`, init);
    const text = await reply.text();
    const answer = (text.startsWith('{') ? JSON.parse(text) : {}) as Record<string, string>;
    // What is made is shown once, to whoever made it.
    if (reply.status < 300 && method === 'POST' && typeof answer.key === 'string')
      made[`${path} ${Object.keys(made).length}`] = answer.key;
    else seen.add(`the answer to ${method} ${path}`, `${JSON.stringify([...reply.headers])} ${text}`);
    return answer;
  };
  const brought = { 'x-postern-provider-key': `a ${own.broughtKey}` };

  // Made, imported, changed and refused by the admin API.
  const team = await admin('POST', 'teams', { name: 'crew', budgets: [{ amount_usd: 5, period: 'day' }] });
  const key = await admin('POST', 'keys', { name: 'made', team: team.id, budgets: [{ tokens: 100_000, period: 'day' }] });
  await admin('POST', 'keys', { name: 'imported', key: own.imported });
  await admin('POST', 'keys', { name: 'again', key: own.imported });
  await admin('POST', 'keys', { name: 'hashed', sha256: hash('of another store, long enough').toString('hex') });
  await admin('POST', 'keys', { name: 7, key: own.wrongKey });
  await admin('POST', 'admin_keys', { name: 'reader', role: 'read' });
  await admin('POST', 'providers/a/keys', { key: own.addedProviderKey, name: 'added', weight: 5 });
  await admin('POST', 'providers/a/keys', { key: own.addedProviderKey, name: 'twice' });
  await admin('POST', 'providers/nobody/keys', { key: own.addedProviderKey });
  await admin('PATCH', `keys/${key.id}`, { metadata: { app: 'x' } });
  await admin('GET', 'keys', undefined, own.wrongAdminKey);
  const rotated = await admin('POST', `keys/${key.id}/rotate`, { overlap_seconds: 60 });

  // Every way that a call ends.
  const all = [own.callerKey, own.imported, key.key!, rotated.key!];
  for (const each of all) expect((await call(each)).status).toBe(200);
  expect((await call(own.callerKey, { stream: true }, brought)).status).toBe(200);
  expect((await call(own.callerKey, { gateway: { explain: true } }, brought)).status).toBe(200);
  for (const [each, last] of [
    [own.limitedKey, 429],
    [own.spentKey, 429],
  ] as const) {
    await call(each);
    expect((await call(each)).status).toBe(last);
  }
  for (const each of [own.wrongKey, `${key.key}x`]) expect((await call(each)).status).toBe(401);
  await call(own.callerKey, { model: 'nobody' });
  await call(own.callerKey, { messages: 7 });
  await call(own.callerKey, {}, { 'x-postern-provider-key': `nobody ${own.broughtKey}` });
  await call(own.callerKey, {}, { 'x-postern-provider-key': own.broughtKey });
  await call(own.callerKey, { api_key: own.broughtKey, headers: { authorization: own.broughtKey } });
  note('a key in the path', await request(gateway.url, { method: 'GET', path: `/v1/models?api_key=${own.callerKey}` }));
  play = quoting;
  for (const headers of [{}, brought]) for (const stream of [false, true]) await call(own.callerKey, { stream }, headers);
  await call(own.callerKey, {}, { 'idempotency-key': 'once' });
  for (const { script, only, name } of faults) {
    play = script;
    await call(own.callerKey, { stream: only === 'stream', user: name });
  }
  play = (_call, wire) => wire.gone;
  const leaving = await open(gateway.url);
  leaving.send({ headers: { authorization: `Bearer ${own.callerKey}`, ...brought }, body: ask({ stream: true }) });
  const { length } = upstream.calls;
  await until('it is sent', () => upstream.calls.length > length);
  leaving.leave('rst');
  play = chat;

  // What is kept in Redis, then Redis is gone.
  await until(
    'the rows are told',
    async () => ((await admin('GET', 'usage?group_by=key')) as { data?: object[] }).data?.length !== 0,
  );
  for (const [where, value] of await dump(redis.port, own.redisPassword)) seen.add(where, value);
  const revoked = await admin('DELETE', `keys/${key.id}`);
  expect(revoked).toEqual({});
  await redis.kill();
  expect((await call(own.spentKey)).status).toBe(503);
  expect((await call(own.callerKey)).status).toBe(200);
  await admin('POST', 'keys', { name: 'late', key: `${own.imported}2` });

  for (const path of [
    'keys',
    'teams',
    'admin_keys',
    'providers/a/keys',
    'config',
    'attempts',
    'exchanges',
    'models',
    'context-caches',
  ])
    await admin('GET', path);
  await admin('GET', 'usage?group_by=key,team,model,provider,day');
  await admin('POST', 'explain', { model: 'm' });
  for (const path of ['/metrics', '/health', '/health/providers', '/readyz', '/openapi.json'])
    note(path, await request(gateway.managementUrl, { method: 'GET', path }));
  await gateway.close();
  const lines = gateway.logs();
  expect(lines.length).toBeGreaterThan(60);
  seen.add('the log', JSON.stringify(lines));
  for (const [name, bytes] of files(dataDir)) seen.add(`the file ${name}`, bytes);

  // They are looked for where they could be.
  for (const text of ['postern_requests_total', 'key_caller', ':lim:', 'ledger', 'budgets refuse', 'upstream'])
    expect([text, seen.has(text)]).toEqual([text, true]);
  expect(upstream.calls.some(({ headers }) => headers.authorization === `Bearer ${own.addedProviderKey}`)).toBe(true);
  expect(Object.keys(made).length).toBe(3);
  const secrets = { ...own, ...made, encryptionKey };
  const hits = Object.entries(secrets).flatMap(([name, text]) => forms(text).flatMap((form) => seen.find(name, form)));
  const raw = Buffer.from(encryptionKey, 'base64');
  hits.push(...seen.find('the bytes of encryptionKey', raw), ...seen.find('encryptionKey in hex', raw.toString('hex')));
  const pepper = keptPepper(records);
  expect(pepper?.kept).toBe(true);
  for (const [name, text] of Object.entries(secrets)) {
    const digest = createHmac('sha256', pepper!.key).update(hash(text)).digest();
    for (const form of written(hash(text))) hits.push(...seen.find(`the hash of ${name}`, form));
    for (const form of written(digest)) hits.push(...seen.find(`the digest of ${name}`, form));
  }
  for (const form of written(pepper!.key)) hits.push(...seen.find('the pepper', form));
  expect([...new Set(hits)]).toEqual([]);
}, 60_000);
