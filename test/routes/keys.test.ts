import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../helper/gateway.ts';

const adminKey = 'admin-key-0123456789abcdef';
const full = { authorization: `Bearer ${adminKey}` };
const configured = 'kR8vQ2mN5tX9wB3cF7hJ';

let gateway: TestGateway;
/** Headers of an admin key that may read, one of the team `t`, and the id of that team. */
let read: Record<string, string>;
let lead: { readonly authorization: string };
let team: string;

interface Reply {
  readonly status: number;
  readonly etag: string | null;
  // biome-ignore lint/suspicious/noExplicitAny: answers of many shapes
  readonly json: any;
}

async function call(
  method: string,
  path: string,
  headers: Record<string, string> = full,
  body?: object,
  to = gateway,
): Promise<Reply> {
  const reply = await fetch(`${to.managementUrl}/admin/v1${path}`, {
    method,
    headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await reply.text();
  return { status: reply.status, etag: reply.headers.get('etag'), json: text === '' ? null : JSON.parse(text) };
}

const models = async (key: string, to = gateway): Promise<number> =>
  (await fetch(`${to.url}/v1/models`, { headers: { authorization: `Bearer ${key}` } })).status;

const make = async (body: object = {}, headers = full): Promise<{ id: string; key: string }> => {
  const { status, json } = await call('POST', '/keys', headers, { name: 'k', ...body });
  expect(status).toBe(201);
  return json;
};

beforeAll(async () => {
  gateway = await startGateway({
    overlay: {
      keys: { boss: { secret: configured, team: 'staff' } },
      teams: { staff: {} },
      management: { failed_attempts: { max: 5, window: '1m' } },
      auth: { failed_attempts: { max: 1000, window: '1m' } },
    },
    env: { ADMIN_API_KEY: adminKey },
    log: 'info',
  });
  team = (await call('POST', '/teams', full, { name: 't', models: ['sandbox/*'] })).json.id;
  const keyOf = async (body: object) => ({ authorization: `Bearer ${(await call('POST', '/admin_keys', full, body)).json.key}` });
  read = await keyOf({ name: 'dashboard', role: 'read' });
  lead = await keyOf({ name: 'lead', role: 'team', team: 't' });
});

test('a key that is made is shown once, works, and can be changed, rotated and revoked', async () => {
  const made = await call('POST', '/keys', full, {
    name: 'app',
    team: 't',
    models: ['sandbox/echo'],
    rate_limits: { requests_per_minute: 60 },
    budgets: [{ amount_usd: 1.5, period: 'month' }],
    metadata: { app: 'x' },
  });
  expect([made.status, made.etag]).toEqual([201, '"v1"']);
  const { id, key } = made.json;
  expect(made.json).toMatchObject({
    name: 'app',
    team,
    source: 'api',
    status: 'active',
    created_by: 'admin',
    metadata: { app: 'x' },
  });
  expect(await models(key)).toBe(200);

  const got = await call('GET', `/keys/${id}`);
  const { usage, ...shown } = got.json;
  expect({ ...shown, key }).toEqual(made.json);
  expect(usage.map((each: { scope: string; rule: string; limit: unknown }) => [each.scope, each.rule, each.limit])).toEqual([
    ['key', 'requests_per_minute', 60],
    ['key', 'budget', '1.5'],
  ]);
  expect(JSON.stringify(got.json)).not.toContain(key);

  const patched = await call('PATCH', `/keys/${id}`, { ...full, 'if-match': got.etag! }, { name: 'app-2', budgets: null });
  expect([patched.status, patched.etag, patched.json.name, patched.json.budgets]).toEqual([200, '"v2"', 'app-2', []]);
  const late = await call('PATCH', `/keys/${id}`, { ...full, 'if-match': got.etag! }, { name: 'app-3' });
  expect([late.status, late.json.error.code]).toEqual([412, 'precondition_failed']);

  const rotated = await call('POST', `/keys/${id}/rotate`, full, { overlap_seconds: 60 });
  expect(rotated.status).toBe(200);
  expect([await models(key), await models(rotated.json.key)]).toEqual([200, 200]);

  const gone = await call('DELETE', `/keys/${id}`);
  expect([gone.status, gone.json]).toEqual([204, null]);
  expect([await models(key), await models(rotated.json.key)]).toEqual([401, 401]);
  expect((await call('GET', `/keys/${id}`)).status).toBe(404);
});

test('lists are in pages, have the keys of the configuration, and can be of one team', async () => {
  const { id } = await make({ team: 't' });
  const ids: string[] = [];
  for (let cursor: string | null = null, pages = 0; pages < 50 && (pages === 0 || cursor !== null); pages++) {
    const { json }: Reply = await call('GET', `/keys?limit=1${cursor === null ? '' : `&cursor=${cursor}`}`);
    ids.push(...json.data.map((each: { id: string }) => each.id));
    cursor = json.next_cursor;
  }
  expect(ids).toEqual([...ids].sort());
  expect(ids).toEqual(expect.arrayContaining(['key_boss', id]));
  const of = async (name: string) =>
    (await call('GET', `/keys?team=${name}`)).json.data.map((each: { team: string }) => each.team);
  expect(new Set(await of('t'))).toEqual(new Set([team]));
  expect(await of('staff')).toEqual(['team_staff']);
  expect(await of('nobody')).toEqual([]);
});

test('what is written in the configuration is 409 with what to do', async () => {
  for (const [method, path] of [
    ['PATCH', '/keys/key_boss'],
    ['DELETE', '/keys/key_boss'],
    ['PATCH', '/teams/team_staff'],
    ['DELETE', '/teams/team_staff'],
  ] as const) {
    const { status, json } = await call(method, path, full, method === 'PATCH' ? { name: 'x' } : undefined);
    expect([status, json.error.code]).toEqual([409, 'configured']);
    expect(json.error.message).toContain('configuration');
  }
});

test.each([
  [{}, 'name'],
  [{ name: '' }, 'name'],
  [{ name: 'a\nb' }, 'name'],
  [{ name: 'x', role: 'admin' }, 'role'],
  [{ name: 'x', id: 'key_boss' }, 'id'],
  [{ name: 'x', created_by: 'someone' }, 'created_by'],
  [{ name: 'x', models: 'm' }, 'models'],
  [{ name: 'x', budgets: [{ tokens: 1, period: 'year' }] }, 'budgets[0].period'],
  [{ name: 'x', expires_at: '2030-01-01' }, 'expires_at'],
  [{ name: 'x', metadata: { a: 1 } }, 'metadata.a'],
  [{ name: 'x', key: 'short' }, 'key'],
])('security 8: a new key of %j is 400 and names %s', async (body, param) => {
  const { status, json } = await call('POST', '/keys', full, body);
  expect([status, json.error.param]).toEqual([400, param]);
});

test('security 27: members named like those of every object make no key and reach no prototype', async () => {
  for (const text of [
    '{"name":"x","__proto__":{"role":"full"}}',
    '{"name":"x","metadata":{"__proto__":"y"}}',
    '{"name":"x","metadata":{"constructor":"y"}}',
  ]) {
    const reply = await fetch(`${gateway.managementUrl}/admin/v1/keys`, {
      method: 'POST',
      headers: { ...full, 'content-type': 'application/json' },
      body: text,
    });
    expect(reply.status).toBe(400);
  }
  expect(({} as Record<string, unknown>).role).toBeUndefined();
});

describe('admin keys', () => {
  const routes = () => gateway.gateway.management.inventory.filter(({ auth, hidden }) => auth === 'admin' && !hidden);
  const filled = (url: string) => url.replace('/admin/v1', '').replace('*', 'x').replaceAll(/:\w+/g, 'x');

  test('security 9: no admin route answers without an admin key, nor to a gateway key', async () => {
    const strict = await startGateway({
      overlay: { management: { failed_attempts: { max: 1_000, window: '1m' } } },
      env: { ADMIN_API_KEY: adminKey, GATEWAY_API_KEYS: `a=${configured}` },
    });
    for (const { method, url } of routes()) {
      for (const headers of [{} as Record<string, string>, { authorization: `Bearer ${configured}` }, lead]) {
        expect([method, url, (await call(method, filled(url), headers, undefined, strict)).status]).toEqual([method, url, 401]);
      }
    }
  });

  test('security 9: who guesses admin keys is told to wait, and the right key goes on', async () => {
    const strict = await startGateway({
      overlay: { management: { failed_attempts: { max: 3, window: '1m' } } },
      env: { ADMIN_API_KEY: adminKey },
    });
    const statuses: number[] = [];
    for (let at = 0; at < 5; at++)
      statuses.push(
        (await call('GET', '/keys', { authorization: `Bearer sk-postern-admin-guess-${at}` }, undefined, strict)).status,
      );
    expect(statuses).toEqual([401, 401, 401, 429, 429]);
    expect((await call('GET', '/keys', full, undefined, strict)).status).toBe(200);
  });

  test('security 8: an admin key that may only read is refused every change, on every route', async () => {
    let refused = 0;
    for (const { method, url } of routes()) {
      if (['GET', 'HEAD'].includes(method)) continue;
      const { status, json } = await call(method, filled(url), read, method === 'DELETE' ? undefined : {});
      expect([method, url, status, json.error.code]).toEqual([method, url, 403, 'read_only_key']);
      refused++;
    }
    expect(refused).toBeGreaterThan(8);
    expect((await call('GET', '/keys', read)).status).toBe(200);
    expect((await call('GET', '/config', read)).status).toBe(200);
  });

  test("security 8: a team's admin key opens nothing that is about all teams", async () => {
    const open = routes().flatMap(({ method, url }) =>
      /\/(?:keys|teams)(?:\/|$)/.test(url) || /\/usage$|\/attempts$/.test(url) ? [] : [{ method, url }],
    );
    expect(open.length).toBeGreaterThan(5);
    for (const { method, url } of open) {
      if (method === 'HEAD') continue;
      const { status, json } = await call(method, filled(url), lead, method === 'GET' || method === 'DELETE' ? undefined : {});
      expect([method, url, status, json.error.code]).toEqual([method, url, 403, 'team_key']);
    }
    for (const [method, path] of [
      ['POST', '/teams'],
      ['PATCH', `/teams/${team}`],
      ['DELETE', `/teams/${team}`],
      ['POST', '/admin_keys'],
    ] as const) {
      expect(
        (await call(method, path, lead, method === 'DELETE' ? undefined : { name: 'x', role: 'team', team: 't' })).status,
      ).toBe(403);
    }
  });

  test("security 10: a team's admin key sees and changes its team's keys and no others", async () => {
    const other = await make({ name: 'of nobody' });
    const own = await make({}, lead);
    const { json } = await call('GET', '/keys', lead);
    expect(new Set(json.data.map((each: { team: string }) => each.team))).toEqual(new Set([team]));
    expect((await call('GET', '/teams', lead)).json.data.map((each: { id: string }) => each.id)).toEqual([team]);
    const absent = (await call('GET', '/keys/key_nobody', lead)).json;
    for (const id of [other.id, 'key_boss']) {
      expect(await call('GET', `/keys/${id}`, lead)).toMatchObject({ status: 404, json: absent });
      expect((await call('DELETE', `/keys/${id}`, lead)).status).toBe(404);
    }
    expect((await call('GET', '/teams/team_staff', lead)).status).toBe(404);
    expect((await call('DELETE', `/keys/${own.id}`, lead)).status).toBe(204);
    expect(await models(other.key)).toBe(200);
  });

  test('an admin key that is revoked or over is refused', async () => {
    const { json } = await call('POST', '/admin_keys', full, {
      name: 'short',
      role: 'read',
      expires_at: Math.ceil(Date.now() / 1000) + 1,
    });
    const headers = { authorization: `Bearer ${json.key}` };
    expect((await call('GET', '/keys', headers)).status).toBe(200);
    expect((await call('DELETE', `/admin_keys/${json.id}`)).status).toBe(204);
    expect((await call('GET', '/keys', headers)).status).toBe(401);
    const list = await call('GET', '/admin_keys');
    expect(list.json.data.map((each: { name: string }) => each.name).sort()).toEqual(['dashboard', 'lead']);
    expect(JSON.stringify(list.json)).not.toContain(json.key);
  });
});

test('every change is in the audit log with who made it and what it was about', async () => {
  const { id } = await make({}, lead);
  await call('PATCH', `/keys/${id}`, full, { name: 'b' });
  await call('DELETE', `/keys/${id}`, lead);
  const lines = () => gateway.logs().filter((line) => line.audit === true && line.target === id);
  await expect.poll(() => lines().length).toBe(3);
  expect(lines().map(({ who, action, outcome }) => [who, action, outcome])).toEqual([
    ['lead', 'keys.create', 'ok'],
    ['admin', 'keys.update', 'ok'],
    ['lead', 'keys.delete', 'ok'],
  ]);
  expect(lines()[0]).toMatchObject({ role: 'team', team });
});

test('security 6: unknown, revoked, expired and malformed keys get the same answer', async () => {
  const revoked = await make();
  await call('DELETE', `/keys/${revoked.id}`);
  const expired = await make({ expires_at: Math.floor(Date.now() / 1000) + 1 });
  const disabled = await make({ disabled: true });
  const other = await make();
  await call('DELETE', `/keys/${other.id}`);
  await new Promise((resolve) => setTimeout(resolve, 1050));
  const keys = [revoked.key, expired.key, disabled.key, `${revoked.key}x`, 'sk-unknown-key-0123456789', 'x'];
  const replies = await Promise.all(
    keys.map(async (key) => {
      const reply = await fetch(`${gateway.url}/v1/models`, { headers: { authorization: `Bearer ${key}` } });
      const names = [...reply.headers.keys()].sort();
      return JSON.stringify([reply.status, names, await reply.text()]);
    }),
  );
  expect(new Set(replies).size).toBe(1);
  expect(replies[0]).toContain('401');
});

test('security 4: no secret that was made is in any file of the data directory or any log line', async () => {
  const { key } = await make({ name: 'canary' });
  const files = readdirSync(gateway.dataDir).filter((name) => statSync(join(gateway.dataDir, name)).isFile());
  expect(files.some((name) => name.startsWith('state.sqlite'))).toBe(true);
  for (const name of files) expect(readFileSync(join(gateway.dataDir, name)).includes(key.slice(11, 40))).toBe(false);
  expect(JSON.stringify(gateway.logs())).not.toContain(key.slice(11, 40));
});

test('keys of the API alone: the mode is asked for by name, and deleting the last key opens no door', async () => {
  const empty = await startGateway({ env: { ADMIN_API_KEY: adminKey, AUTH_MODE: 'gateway' } });
  expect(await models('anything', empty)).toBe(401);
  const { json } = await call('POST', '/keys', full, { name: 'k' }, empty);
  expect(await models(json.key, empty)).toBe(200);
  await call('DELETE', `/keys/${json.id}`, full, undefined, empty);
  expect([await models(json.key, empty), await models('anything', empty)]).toEqual([401, 401]);
});

test('log: false leaves no line in the access log', async () => {
  const [quiet, loud] = [await make({ log: false }), await make()];
  await models(quiet.key);
  await models(loud.key);
  const lines = (id: string) => gateway.logs().filter((line) => line.msg === 'exchange' && line.key === id).length;
  await expect.poll(() => lines(loud.id)).toBe(1);
  expect(lines(quiet.id)).toBe(0);
});
