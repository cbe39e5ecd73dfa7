import { beforeAll, describe, expect, test } from 'vitest';
import { formatCsv, wantsCsv } from '../../plugins/usage/csv.ts';
import { chatBody, errorBody } from '../helper/chat.ts';
import { opened } from '../helper/cleanup.ts';
import { startGateway, type TestGateway } from '../helper/gateway.ts';
import { ask, inPriority, neverOpen, provider } from '../helper/overlay.ts';
import { json } from '../helper/replies.ts';
import { startUpstream } from '../helper/upstream.ts';

const env = { ADMIN_API_KEY: 'admin-key-0123456789abcdef' };
const secrets = { alice: 'alice-secret-0123456789', bob: 'bob-secret-0123456789', carol: 'carol-secret-0123456789' };
type Name = keyof typeof secrets;

interface Report {
  readonly from: number;
  readonly to: number;
  readonly data: Record<string, string | number | null>[];
  readonly total: Record<string, string | number>;
  readonly next_cursor: string | null;
  readonly error?: { readonly param: string };
}

let gateway: TestGateway;
let teamKey: string;
const ids: Record<string, string> = {};

async function call(name: Name, metadata: object | null, model = 'm'): Promise<void> {
  const reply = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${secrets[name]}`,
      ...(metadata === null ? {} : { 'x-postern-metadata': JSON.stringify(metadata) }),
    },
    body: JSON.stringify(ask({ model })),
  });
  await reply.arrayBuffer();
}

async function get<T = Report>(path: string, key = env.ADMIN_API_KEY, base = gateway.managementUrl): Promise<T> {
  const reply = await fetch(base + path, { headers: { authorization: `Bearer ${key}` } });
  return (await reply.json()) as T;
}
const usage = (query = '', key?: string) => get(`/admin/v1/usage?${query}`, key);
const own = (name: Name, query = '') => get(`/v1/usage?${query}`, secrets[name], gateway.url);
const by = (report: Report, group: string) => Object.fromEntries(report.data.map((row) => [String(row[group]), row.requests]));

beforeAll(async () => {
  const broken = opened(await startUpstream(json(500, errorBody('server_error'))));
  const upstream = opened(await startUpstream(json(200, chatBody())));
  const unpriced = opened(await startUpstream(json(200, { ...chatBody(), model: 'nobody-knows' })));
  const { providers, ...rest } = inPriority(
    { a: broken.url, b: upstream.url },
    { prices: { 'b/up-1': { input: 1, output: 2 } }, health: neverOpen },
  ) as { providers: object };
  const overlay = {
    ...rest,
    providers: { ...providers, c: provider(unpriced.url) },
    teams: { red: {}, blue: {} },
    keys: {
      alice: { secret: secrets.alice, team: 'red', metadata: { app: 'search' } },
      bob: { secret: secrets.bob, team: 'blue' },
      carol: { secret: secrets.carol },
    },
  };
  gateway = await startGateway({ overlay, env });
  const { identity } = gateway.gateway.api;
  for (const { id, name } of [...identity.keys(), ...identity.teams()]) ids[name] = id;
  const made = await fetch(`${gateway.managementUrl}/admin/v1/admin_keys`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${env.ADMIN_API_KEY}` },
    body: JSON.stringify({ name: 'red admin', role: 'team', team: ids.red }),
  });
  teamKey = ((await made.json()) as { key: string }).key;
  await call('alice', { feature: 'x', app: 'forged' });
  await call('alice', null);
  await call('bob', { feature: 'y' });
  await call('bob', { feature: 'x' }, 'c/unpriced');
  await call('carol', { feature: '=1+1' });
});

describe('GET /admin/v1/usage', () => {
  test('sums this month by group, with what was answered a moment ago, exact to the nano-dollar', async () => {
    const report = await usage('group_by=key');
    expect(report.data).toContainEqual({
      key: ids.alice,
      requests: 2,
      attempts: 4,
      prompt_tokens: 22,
      completion_tokens: 6,
      cached_tokens: 0,
      reasoning_tokens: 0,
      cost_usd: '0.000034',
      unpriced_attempts: 0,
    });
    expect(by(report, 'key')).toEqual({ [ids.alice!]: 2, [ids.bob!]: 2, [ids.carol!]: 1 });
    // What is not priced is told apart, and no 0 among the sums.
    expect(report.total).toMatchObject({ requests: 5, attempts: 9, cost_usd: '0.000068', unpriced_attempts: 1 });
    const first = new Date(report.from * 1000);
    expect([first.getUTCDate(), first.getUTCHours(), report.from % 3600, report.to % 3600]).toEqual([1, 0, 0, 0]);
  });

  test('takes any groups, labels of calls and of keys among them', async () => {
    expect(by(await usage('group_by=metadata.feature'), 'metadata.feature')).toEqual({ x: 2, y: 1, '=1+1': 1, null: 1 });
    expect(by(await usage('group_by=metadata.app'), 'metadata.app')).toEqual({ search: 2, null: 3 });
    expect(by(await usage('group_by=team'), 'team')).toEqual({ [ids.red!]: 2, [ids.blue!]: 2, null: 1 });
    expect(by(await usage('group_by=model'), 'model')).toEqual({ m: 4, 'c/unpriced': 1 });
    const today = new Date().toISOString().slice(0, 10);
    expect(by(await usage('group_by=day,provider'), 'day')).toMatchObject({ [today]: expect.any(Number) });
    expect((await usage('group_by=key,team,model,provider,day,metadata.feature')).data).toHaveLength(9);
    expect((await usage()).data).toEqual([expect.objectContaining({ requests: 5 })]);
  });

  test('takes times as unix seconds and dates', async () => {
    const hour = Math.floor(Date.now() / 3_600_000) * 3600;
    const { from, to, total } = await usage(`from=${hour - 3600}&to=${hour + 3600}`);
    expect([from, to, total.requests]).toEqual([hour - 3600, hour + 3600, 5]);
    expect((await usage('from=2020-01-01&to=2020-02-01T00:00Z&group_by=key')).data).toEqual([]);
    expect((await usage('from=2020-01-01&to=2020-02-01')).total).toMatchObject({ requests: 0, cost_usd: '0' });
  });

  test('is paged', async () => {
    const seen: unknown[] = [];
    let cursor: string | null = null;
    do {
      const page: Report = await usage(`group_by=key,provider&limit=2${cursor === null ? '' : `&cursor=${cursor}`}`);
      expect(page.total.requests).toBe(5);
      seen.push(...page.data.map((row) => `${row.key} ${row.provider}`));
      cursor = page.next_cursor;
    } while (cursor !== null);
    expect(seen).toHaveLength(7);
    expect(new Set(seen).size).toBe(7);
  });

  test.each([
    ['group_by=nobody', 'group_by'],
    ['group_by=key,key', 'group_by'],
    ['group_by=metadata.a,metadata.b', 'group_by'],
    ['group_by=metadata.', 'group_by'],
    ['from=yesterday', 'from'],
    ['from=2026-01-02&to=2026-01-01', 'from'],
    ['limit=0', 'limit'],
    ['cursor=abc', 'cursor'],
    [`cursor=${Buffer.from('["v1","[\\"usage\\",1,2,3]"]').toString('base64url')}&group_by=key`, 'cursor'],
    ['team=red', 'team'],
  ])('refuses %s', async (query, param) => {
    const { error } = await usage(query);
    expect(error?.param ?? null).toBe(param);
    expect(error).toBeDefined();
  });

  test('is CSV where that is asked for, safe to open in a spreadsheet', async () => {
    const reply = await fetch(`${gateway.managementUrl}/admin/v1/usage?group_by=metadata.feature`, {
      headers: { authorization: `Bearer ${env.ADMIN_API_KEY}`, accept: 'text/csv' },
    });
    expect(reply.headers.get('content-type')).toMatch(/^text\/csv/);
    const lines = (await reply.text()).split('\r\n');
    expect(lines[0]).toBe(
      'metadata.feature,requests,attempts,prompt_tokens,completion_tokens,cached_tokens,reasoning_tokens,cost_usd,unpriced_attempts',
    );
    expect(lines).toHaveLength(6);
    expect(lines[1]).toMatch(/^,1,2,/);
    expect(lines[2]).toMatch(/^'=1\+1,1,2,/);
  });

  test("security 10: a team's admin sees its team, whatever it asks for", async () => {
    const report = await usage('group_by=key,team', teamKey);
    expect(report.data.map(({ key, team }) => [key, team])).toEqual([[ids.alice, ids.red]]);
    expect(report.total.requests).toBe(2);
    const all = await get<{ data: { team: string }[] }>('/admin/v1/attempts', teamKey);
    expect(all.data.map(({ team }) => team)).toEqual([ids.red, ids.red, ids.red, ids.red]);
    expect((await get<{ data: unknown[] }>(`/admin/v1/attempts?team=${ids.blue}`, teamKey)).data).toEqual([]);
    expect((await get<{ data: unknown[] }>(`/admin/v1/attempts?key=${ids.bob}`, teamKey)).data).toEqual([]);
  });
});

describe('GET /v1/usage', () => {
  test('security 10: tells a key of itself alone', async () => {
    const report = await own('bob', 'group_by=key,metadata.feature');
    expect(report.data.map((row) => [row.key, row['metadata.feature'], row.requests])).toEqual([
      [ids.bob, 'x', 1],
      [ids.bob, 'y', 1],
    ]);
    expect(report.total.requests).toBe(2);
    expect((await own('alice')).total).toMatchObject({ requests: 2, cost_usd: '0.000034' });
    // A cursor of another list says nothing about whose it is.
    const page = await usage('group_by=key&limit=1');
    expect((await own('carol', `group_by=key&cursor=${page.next_cursor}`)).data.map(({ key }) => key)).toSatisfy(
      (keys: unknown[]) => keys.every((key) => key === ids.carol),
    );
  });

  test('needs a key', async () => {
    expect((await fetch(`${gateway.url}/v1/usage`)).status).toBe(401);
  });
});

describe('GET /admin/v1/attempts', () => {
  interface Attempts {
    readonly data: { row: number; key: string; provider: string; asked_model: string; outcome: string; metadata: unknown }[];
    readonly next_cursor: string | null;
  }
  const attempts = (query = '') => get<Attempts>(`/admin/v1/attempts?${query}`);

  test('lists rows, the newest first, page by page', async () => {
    const rows: number[] = [];
    let cursor: string | null = null;
    do {
      const page: Attempts = await attempts(`limit=4${cursor === null ? '' : `&cursor=${cursor}`}`);
      rows.push(...page.data.map(({ row }) => row));
      cursor = page.next_cursor;
    } while (cursor !== null);
    expect(rows).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1]);
  });

  test('filters', async () => {
    expect((await attempts(`key=${ids.alice}`)).data).toHaveLength(4);
    expect((await attempts(`team=${ids.blue}&outcome=ok`)).data.map(({ asked_model }) => asked_model)).toEqual([
      'c/unpriced',
      'm',
    ]);
    expect((await attempts('provider=a')).data.every(({ outcome }) => outcome === 'failed')).toBe(true);
    expect((await attempts('model=c/unpriced')).data).toMatchObject([{ provider: 'c', metadata: { feature: 'x' } }]);
    expect((await attempts('to=2020-01-01')).data).toEqual([]);
    expect((await attempts('from=2020-01-01&provider=b')).data).toHaveLength(4);
    expect((await attempts(`key=${ids.alice}&provider=b`)).data.map(({ metadata }) => metadata)).toEqual([
      { app: 'search' },
      { feature: 'x', app: 'search' },
    ]);
  });

  test('is CSV, too', async () => {
    const reply = await fetch(`${gateway.managementUrl}/admin/v1/attempts?format=csv&limit=2`, {
      headers: { authorization: `Bearer ${env.ADMIN_API_KEY}` },
    });
    const lines = (await reply.text()).split('\r\n');
    expect(lines).toHaveLength(4);
    expect(lines[1]).toContain('"{""feature"":""=1+1""}"');
    expect(reply.headers.get('x-postern-next-cursor')).not.toBeNull();
  });
});

describe('CSV', () => {
  test('quotes what has to be quoted, and no cell is a formula', () => {
    const cells = ['a,b', 'a"b', 'a\r\nb', '=A1', '+1', '-1', '@x', '\tx', ' x', null, -5, 'plain', "'x", '＝A1'];
    expect(formatCsv(['one'], [cells])).toBe(
      `one\r\n"a,b","a""b","a\r\nb",'=A1,'+1,'-1,'@x,"'\tx"," x",,-5,plain,'x,'＝A1\r\n`.replace(`"'\tx"`, `'\tx`),
    );
  });

  test.each([
    [undefined, undefined, false],
    [undefined, '*/*', false],
    [undefined, 'text/csv', true],
    [undefined, 'application/json;q=0.5, Text/CSV; charset=utf-8', true],
    ['json', 'text/csv', false],
    ['csv', undefined, true],
  ])('format %s and accept %s', (format, accept, expected) => {
    expect(wantsCsv(format, accept)).toBe(expected);
  });
});
