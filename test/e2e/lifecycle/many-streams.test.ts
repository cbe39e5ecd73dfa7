import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { chatEvents, chunk } from '../../helper/chat.ts';
import { opened, whenDone } from '../../helper/cleanup.ts';
import { type Connection, open, requestBytes, streamError, textOf } from '../../helper/client.ts';
import { expectEnvelope } from '../../helper/envelope.ts';
import { readLedger } from '../../helper/ledger.ts';
import { ask } from '../../helper/overlay.ts';
import { type GatewayProcess, startProcess } from '../../helper/process.ts';
import { paced } from '../../helper/replies.ts';
import { startUpstream, type Upstream } from '../../helper/upstream.ts';

vi.setConfig({ testTimeout: 120_000 });

const count = 200;

async function start(upstream: Upstream, shutdown: string): Promise<GatewayProcess> {
  const file = `
providers:
  up: { type: openai-compatible, base_url: ${upstream.url}, api_key: sk-upstream-0123456789abcdef, catalogue: false }
models:
  m: { targets: [{ provider: up, model: up-1 }] }
server: { shutdown: { ${shutdown} } }
`;
  return opened(await startProcess({ file }));
}

async function connect(url: string): Promise<Connection> {
  const connection = await open(url);
  whenDone(() => connection.leave('fin'));
  return connection;
}

/** Streams that have begun. */
async function streams(url: string): Promise<Connection[]> {
  const all = await Promise.all(Array.from({ length: count }, () => connect(url)));
  for (const each of all) each.send({ body: ask({ stream: true }) });
  await Promise.all(all.map((each) => each.saw('"content":"a"')));
  return all;
}

/** Resolves once nobody can connect. */
async function closed(url: string): Promise<void> {
  for (;;) {
    const connection = await open(url).catch(() => null);
    if (connection === null) return;
    connection.leave('fin');
    await sleep(10);
  }
}

// Times are promises for a machine that has time: a run that another process delayed is repeated.
describe('SIGTERM with 200 streams under way', { retry: 2 }, () => {
  test('L1 G15: calls are taken for the delay, at its end on open connections only, then refused; every stream ends with [DONE], and the process 1 s later', async () => {
    const words = Array.from({ length: 20 }, (_, at) => (at === 0 ? 'a' : `.${at}`));
    const upstream = opened(await startUpstream(paced(chatEvents({ text: words }), 250)));
    const gateway = await start(upstream, 'delay: 2s, timeout: 30s');
    const [probe, kept, late] = [await connect(gateway.managementUrl), await connect(gateway.url), await connect(gateway.url)];
    expect((await probe.ask({ path: '/readyz' })).status).toBe(200);
    const all = await streams(gateway.url);
    const [head, body] = requestBytes({ body: ask() }).toString().split('\r\n\r\n') as [string, string];
    late.send(Buffer.from(`${head}\r\n`));

    gateway.signal('SIGTERM');
    await expect.poll(async () => (await probe.ask({ path: '/readyz' })).status, { interval: 10 }).toBe(503);
    const during = await connect(gateway.url);
    const taken = await during.ask({ path: '/v1/models' });
    expect([taken.status, taken.headers.connection]).toEqual([200, 'keep-alive']);

    await closed(gateway.url);
    const parting = await kept.ask({ path: '/v1/models' });
    expect([parting.status, parting.headers.connection]).toEqual([200, 'close']);
    await kept.closed(2_000);

    await during.closed(5_000);
    late.socket.write(`\r\n${body}`);
    const refused = await late.closed(5_000);
    expect([refused.status, expectEnvelope(refused).code, refused.headers.connection]).toEqual([
      503,
      'gateway_draining',
      'close',
    ]);
    expect((await probe.ask({ path: '/livez' })).status).toBe(200);

    const replies = await Promise.all(all.map((each) => each.until(({ complete }) => complete)));
    const finished = Math.max(...replies.map(({ endAt }) => endAt));
    expect(replies.filter(({ body: bytes }) => textOf(bytes) !== words.join('') || !bytes.includes('data: [DONE]'))).toEqual([]);
    const { code, signal, at } = await gateway.exited;
    expect({ code, signal }).toEqual({ code: 0, signal: null });
    expect(at - finished).toBeLessThan(1_000);
    const rows = readLedger(gateway.dataDir);
    expect(rows).toHaveLength(count);
    expect(rows.filter(({ state, outcome }) => state !== 'settled' || outcome !== 'ok')).toEqual([]);
  });

  test('L1 G15: at the hard deadline every one ends with an error event and is settled, and the process is gone 2 s later', async () => {
    const endless = Array.from({ length: 1_000 }, () => chunk({ content: 'a' }));
    const upstream = opened(await startUpstream(paced(endless, 100)));
    const gateway = await start(upstream, 'timeout: 1s');
    const all = await streams(gateway.url);
    const signalled = performance.now();
    gateway.signal('SIGTERM');
    const replies = await Promise.all(all.map((each) => each.until(({ complete, ended }) => complete || ended !== null)));
    const { code, at } = await gateway.exited;
    expect(code).toBe(0);
    expect(at - signalled).toBeLessThan(1_000 + 2_000);
    expect(replies.filter(({ complete }) => !complete)).toEqual([]);
    expect(replies.filter(({ body }) => streamError(body)?.code !== 'stream_interrupted' || body.includes('[DONE]'))).toEqual([]);
    const rows = readLedger(gateway.dataDir);
    expect(rows).toHaveLength(count);
    const settled = { state: 'settled', outcome: 'cancelled', reason: 'shutdown', usage_source: 'estimated' };
    expect(rows.filter((row) => Object.entries(settled).some(([name, value]) => row[name as 'state'] !== value))).toEqual([]);
    expect(rows.every(({ output }) => output! > 0)).toBe(true);
  });
});
