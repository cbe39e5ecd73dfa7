import { describe, expect, it } from 'vitest';
import { chat, chatStream, errorBody } from '../helper/chat.ts';
import { opened } from '../helper/cleanup.ts';
import { open, type Reply, ask as request } from '../helper/client.ts';
import { expectEnvelope } from '../helper/envelope.ts';
import { startGateway, type TestGateway } from '../helper/gateway.ts';
import { ask, patient } from '../helper/overlay.ts';
import { json, silence } from '../helper/replies.ts';
import { startUpstream, type Upstream } from '../helper/upstream.ts';

const secret = (name: string) => `sk-postern-${name}-0123456789abcdef`;

interface Rig {
  readonly gateway: TestGateway;
  readonly upstream: Upstream;
  /** Lets every call that waits at the upstream be answered. */
  release(): void;
  send(key: string | null, body?: object, caller?: string): Promise<Reply>;
}

/** A gateway whose upstream answers when told. */
async function rig(): Promise<Rig> {
  const waiting: (() => void)[] = [];
  const upstream = opened(
    await startUpstream(async (call, wire) => {
      await new Promise<void>((resolve) => waiting.push(resolve));
      await chat(call, wire);
    }),
  );
  const keys = { one: { secret: secret('one') }, two: { secret: secret('two') } };
  const gateway = await startGateway({ overlay: patient(upstream.url, { keys }) });
  return {
    gateway,
    upstream,
    release: () => {
      for (const each of waiting.splice(0)) each();
    },
    send: (key, body = ask(), caller = 'one') =>
      request(gateway.url, {
        headers: { authorization: `Bearer ${secret(caller)}`, ...(key === null ? {} : { 'idempotency-key': key }) },
        body,
      }),
  };
}

const held = ({ gateway }: Rig) => gateway.gateway.api.idempotency.size;

describe('C14: a second call with the same idempotency-key', () => {
  it('is 409 while the first is under way, to be asked again, and the upstream is asked once', async () => {
    const all = await rig();
    const first = all.send('k-1');
    await all.upstream.arrived(1);
    const second = await all.send('k-1');
    expect(second).toMatchObject({ status: 409, headers: { 'x-should-retry': 'true', 'retry-after': '1' } });
    expect(expectEnvelope(second)).toMatchObject({ code: 'idempotency_key_in_use', param: 'idempotency-key' });
    all.release();
    expect((await first).status).toBe(200);
    expect(all.upstream.calls).toHaveLength(1);
    expect(await all.gateway.ledgerRows(1)).toHaveLength(1);
  });

  it('is 400, not to be asked again, when it asks for something else', async () => {
    const all = await rig();
    const first = all.send('k-1');
    await all.upstream.arrived(1);
    const other = await all.send('k-1', ask({ temperature: 1 }));
    expect(other).toMatchObject({ status: 400, headers: { 'x-should-retry': 'false' } });
    expect(expectEnvelope(other)).toMatchObject({ code: 'idempotency_key_reused', param: 'idempotency-key' });
    all.release();
    await first;
  });

  it('is sent when it is another principal, another key, or none', async () => {
    const all = await rig();
    const calls = [all.send('k-1'), all.send('k-1', ask(), 'two'), all.send('k-2'), all.send(null), all.send(null)];
    await all.upstream.arrived(5);
    expect(held(all)).toBe(3);
    all.release();
    for (const call of calls) expect((await call).status).toBe(200);
    await expect.poll(() => held(all)).toBe(0);
  });

  it('is sent once the first has its answer, failed or not', async () => {
    const all = await rig();
    all.upstream.script = json(500, errorBody('broken'));
    expect((await all.send('k-1')).status).toBe(502);
    await expect.poll(() => held(all)).toBe(0);
    all.upstream.script = chatStream();
    expect((await all.send('k-1', ask({ stream: true }))).status).toBe(200);
    await expect.poll(() => held(all)).toBe(0);
    expect((await all.send('k-1', ask({ model: 'unknown' }))).status).toBe(404);
    await expect.poll(() => held(all)).toBe(0);
  });

  it('is sent once the first caller has left', async () => {
    const all = await rig();
    all.upstream.script = silence;
    const connection = await open(all.gateway.url);
    connection.send({ headers: { authorization: `Bearer ${secret('one')}`, 'idempotency-key': 'k-1' }, body: ask() });
    await all.upstream.arrived(1);
    expect(held(all)).toBe(1);
    connection.leave('rst');
    await expect.poll(() => held(all)).toBe(0);
    all.upstream.script = chat;
    expect((await all.send('k-1')).status).toBe(200);
  });
});

it.each([
  ['is empty', ''],
  ['is too long', 'k'.repeat(256)],
  ['has a control character', 'k\t1'],
  ['has a letter outside ASCII', 'k\xe9'],
])('an idempotency-key that %s is 400', async (_name, key) => {
  const all = await rig();
  const reply = await all.send(key);
  expect(reply.status).toBe(400);
  expect(expectEnvelope(reply)).toMatchObject({ code: 'invalid_value', param: 'idempotency-key' });
  expect([all.upstream.calls.length, held(all)]).toEqual([0, 0]);
});

it('an idempotency-key of 255 characters is taken, and does not reach the upstream', async () => {
  const all = await rig();
  all.upstream.script = chat;
  expect((await all.send('k'.repeat(255))).status).toBe(200);
  expect(all.upstream.calls[0]!.headers).not.toHaveProperty('idempotency-key');
});

it('holds no key for calls without a body, whatever they say', async () => {
  const all = await rig();
  const headers = { authorization: `Bearer ${secret('one')}`, 'idempotency-key': 'k'.repeat(300) };
  expect((await request(all.gateway.url, { path: '/v1/models', headers })).status).toBe(200);
  expect(held(all)).toBe(0);
});
