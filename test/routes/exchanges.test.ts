import { beforeAll, describe, expect, test } from 'vitest';
import type { ExchangeBody } from '../../schemas/admin-exchanges.ts';
import { chatBody, errorBody } from '../helper/chat.ts';
import { opened } from '../helper/cleanup.ts';
import { startGateway, type TestGateway } from '../helper/gateway.ts';
import { ask, inPriority, neverOpen, upstreamKey } from '../helper/overlay.ts';
import { json } from '../helper/replies.ts';
import { type Script, startUpstream, type Upstream } from '../helper/upstream.ts';

const env = { ADMIN_API_KEY: 'admin-key-0123456789abcdef' };
const admin = { authorization: `Bearer ${env.ADMIN_API_KEY}` };
const good: Script = json(200, chatBody());

let broken: Upstream;
let upstream: Upstream;
let gateway: TestGateway;

beforeAll(async () => {
  broken = opened(await startUpstream(json(500, errorBody('server_error'))));
  upstream = opened(await startUpstream(good));
  const prices = { 'b/up-1': { input: 1, output: 2 } };
  gateway = await startGateway({ overlay: inPriority({ a: broken.url, b: upstream.url }, { prices, health: neverOpen }), env });
});

async function call(body: object = ask(), to = gateway): Promise<string> {
  const reply = await fetch(`${to.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-request-id': 'mine-1' },
    body: JSON.stringify(body),
  });
  await reply.arrayBuffer();
  return reply.headers.get('x-postern-exchange-id')!;
}

async function read<T = ExchangeBody>(path: string, to = gateway): Promise<{ readonly status: number; readonly body: T }> {
  const reply = await fetch(`${to.managementUrl}/admin/v1/exchanges${path}`, { headers: admin });
  return { status: reply.status, body: (await reply.json()) as T };
}

interface Page {
  readonly data: { readonly id: string; readonly outcome: string }[];
  readonly next_cursor: string | null;
}

describe('one call', () => {
  test('its attempts, what they used and cost, and why they were made', async () => {
    const id = await call();
    const { status, body } = await read(`/${id}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      id,
      request_id: 'mine-1',
      key: null,
      model: 'm',
      state: 'settled',
      cost_usd: '0.000017',
      attempts: [
        {
          attempt: 1,
          provider: 'a',
          model: 'up-1',
          outcome: 'failed',
          reason: 'server',
          upstream_status: 500,
          usage_source: 'none',
        },
        {
          attempt: 2,
          provider: 'b',
          outcome: 'ok',
          status: 200,
          usage: { input: 11, output: 3 },
          cost_usd: '0.000017',
          price: { source: 'config' },
        },
      ],
    });
    expect(body.decision).toMatchObject({
      exchange: id,
      outcome: 'ok',
      choices: [
        { purpose: 'first', chosen: 'a/up-1' },
        { purpose: 'failover', chosen: 'b/up-1', decided_by: 'only', targets: [{ excluded: 'tried' }, { excluded: null }] },
      ],
      attempts: [
        { target: 'a/up-1', key: '1', outcome: 'failed' },
        { target: 'b/up-1', outcome: 'ok' },
      ],
    });
    const rows = await gateway.ledgerRows(2);
    expect(body.attempts.map(({ row }) => row)).toEqual(rows.filter(({ exchange }) => exchange === id).map((row) => row.id));
    expect(body.decision!.attempts.map(({ row }) => row)).toEqual(body.attempts.map(({ row }) => row));
    expect(Math.abs(body.created_at - Date.now() / 1000)).toBeLessThan(5);
  });

  test('that is under way: what is known so far', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    upstream.script = async (...args) => {
      await promise;
      await good(...args);
    };
    const before = upstream.calls.length;
    const pending = call();
    await upstream.arrived(before + 1);
    const [open] = [...gateway.gateway.api.exchanges.open];
    const { body } = await read(`/${open!.id}`);
    resolve();
    upstream.script = good;
    expect(await pending).toBe(open!.id);
    expect(body).toMatchObject({
      id: open!.id,
      state: 'open',
      attempts: [
        { provider: 'a', state: 'settled' },
        { provider: 'b', state: 'open', outcome: null, usage: null },
      ],
      decision: { outcome: null, duration_ms: null, attempts: [{}, { ended_ms: null }] },
    });
  });

  test('that was refused before anything was sent has a decision and no attempts', async () => {
    const id = await call(ask({ gateway: { only: ['b'], ignore: ['b'] } }));
    expect((await read(`/${id}`)).body).toMatchObject({
      attempts: [],
      cost_usd: '0',
      decision: { options: { only: ['b'], ignore: ['b'] }, outcome: 'failed', status: 400 },
    });
  });

  test.each(['ex_00000000000000000000', 'mine-1', 'ex_', "ex_'", '..%2f..'])('%s is not known: 404 with advice', async (id) => {
    const { status, body } = await read<{ error: { code: string; message: string } }>(`/${id}`);
    expect([status, body.error.code]).toEqual([404, 'exchange_not_found']);
    expect(body.error.message).toContain('x-postern-exchange-id');
  });

  test('security 9: only for the holder of the admin key', async () => {
    const id = await call();
    for (const path of [`/${id}`, '']) {
      const url = `${gateway.managementUrl}/admin/v1/exchanges${path}`;
      expect((await fetch(url)).status).toBe(401);
      expect((await fetch(url, { headers: { authorization: 'Bearer sk-gateway-key-0123456789' } })).status).toBe(401);
      expect((await fetch(`${gateway.url}/admin/v1/exchanges${path}`, { headers: admin })).status).toBe(404);
    }
  });

  test('security 36: no secret and no address of an upstream is in it', async () => {
    const text = JSON.stringify(await read(`/${await call()}`));
    expect(text).not.toContain(upstreamKey);
    expect(text).not.toContain(String(upstream.port));
    expect(text).not.toContain('Say hello');
  });
});

describe('calls', () => {
  test('the newest first, page by page, those that were asked for', async () => {
    const ids = [await call(), await call(), await call(ask({ gateway: { only: ['b'], ignore: ['b'] } }))];
    const list = (query: string) => read<Page>(query).then(({ body }) => body);
    await expect.poll(async () => (await list('?limit=1')).data[0]?.id).toBe(ids[2]);
    const first = await list('?limit=2');
    expect(first.data.map(({ id }) => id)).toEqual([ids[2], ids[1]]);
    const second = await list(`?limit=1&cursor=${first.next_cursor}`);
    expect(second.data.map(({ id }) => id)).toEqual([ids[0]]);
    expect((await list('?outcome=failed&limit=1')).data).toMatchObject([
      { id: ids[2], outcome: 'failed', attempts: 0, target: null },
    ]);
    expect((await list('?provider=b&model=m&limit=1')).data).toMatchObject([{ id: ids[1], target: 'b/up-1', attempts: 2 }]);
    for (const none of ['?model=none', '?provider=none', `?after=${Math.floor(Date.now() / 1000) + 60}`]) {
      expect(await list(none)).toEqual({ data: [], next_cursor: null });
    }
  });

  test.each(['limit=0', 'cursor=x', 'outcome=none', 'after=yesterday', 'colour=red'])('?%s is refused', async (query) => {
    expect((await read(`?${query}`)).status).toBe(400);
  });
});

describe('decisions', () => {
  test('outlive the process', async () => {
    const one = await startGateway({ overlay: inPriority({ b: upstream.url }), env });
    const id = await call(ask(), one);
    await one.gateway.close();
    const next = await startGateway({ overlay: inPriority({ b: upstream.url }), env: { ...env, DATA_DIR: one.dataDir } });
    expect((await read(`/${id}`, next)).body).toMatchObject({ id, attempts: [{ outcome: 'ok' }], decision: { outcome: 'ok' } });
  });

  test('that are not to be kept are in memory only, the newest of them', async () => {
    const overlay = { ...inPriority({ b: upstream.url }), ledger: { decisions: false } };
    const one = await startGateway({ overlay, env });
    const id = await call(ask(), one);
    const { body } = await read(`/${id}`, one);
    expect(body).toMatchObject({ decision: { exchange: id }, attempts: [{ outcome: 'ok' }] });
    expect((await read<Page>('', one)).body.data.map((each) => each.id)).toEqual([id]);
    await one.gateway.close();
    const next = await startGateway({ overlay, env: { ...env, DATA_DIR: one.dataDir } });
    expect((await read(`/${id}`, next)).body).toMatchObject({ id, attempts: [{ outcome: 'ok' }], decision: null, model: 'm' });
    expect((await read<Page>('', next)).body.data).toEqual([]);
  });

  test('are log lines where that is asked for, also without access lines', async () => {
    const overlay = { ...inPriority({ b: upstream.url }), logging: { access: false, decisions: true } };
    const one = await startGateway({ overlay, log: 'info' });
    const id = await call(ask(), one);
    const lines = () => one.logs().filter(({ msg }) => msg === 'decision' || msg === 'exchange');
    await expect.poll(lines).toMatchObject([{ level: 'info', exchange: id, decision: { exchange: id, outcome: 'ok' } }]);
    expect(JSON.stringify(lines())).not.toContain(upstreamKey);
  });
});
