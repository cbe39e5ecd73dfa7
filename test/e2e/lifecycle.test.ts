import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { chat, chatEvents, chunk } from '../helper/chat.ts';
import { opened, whenDone } from '../helper/cleanup.ts';
import { type Connection, jsonOf, open, ask as request, streamError, textOf } from '../helper/client.ts';
import { expectEnvelope } from '../helper/envelope.ts';
import { readLedger } from '../helper/ledger.ts';
import { ask } from '../helper/overlay.ts';
import { type GatewayProcess, node, type ProcessOptions, startProcess } from '../helper/process.ts';
import { paced, silence } from '../helper/replies.ts';
import { startUpstream } from '../helper/upstream.ts';

// The gateway as a process of its own: signals, exit codes, what survives.

// Many cases, or whole processes: a busy machine takes several times as long as an idle one.
vi.setConfig({ testTimeout: 120_000 });

const fileFor = (baseUrl: string, more = '') => `
providers:
  up: { type: openai-compatible, base_url: ${baseUrl}, api_key: sk-upstream-0123456789abcdef, catalogue: false }
models:
  m: { targets: [{ provider: up, model: up-1 }] }
${more}`;

async function start(options: ProcessOptions): Promise<GatewayProcess> {
  return opened(await startProcess(options));
}

/** A stream that has begun. */
async function streaming(url: string): Promise<Connection> {
  const client = await open(url);
  whenDone(() => client.leave('fin'));
  client.send({ body: ask({ stream: true }) });
  await client.saw('"content":"a"');
  return client;
}

// Times are promises for a machine that has time: a run that another process delayed is repeated.
describe('SIGTERM', { retry: 2 }, () => {
  test('L1 G15: readiness turns false, an open stream finishes with [DONE], and the process exits with 0 within 1 s of it', async () => {
    const upstream = opened(await startUpstream(paced(chatEvents({ text: ['a', 'b', 'c', 'd', 'e'] }), 200)));
    const gateway = await start({ file: fileFor(upstream.url) });
    const client = await streaming(gateway.url);
    const idle = await open(gateway.url);
    expect((await idle.ask({ path: '/livez' })).status).toBe(200);
    const probe = await open(gateway.managementUrl);
    gateway.signal('SIGTERM');
    await sleep(50);
    const ready = await probe.ask({ path: '/readyz' });
    expect(ready.status).toBe(503);
    const reply = await client.until(({ complete }) => complete);
    const finished = performance.now();
    expect(textOf(reply.body)).toBe('abcde');
    expect(reply.body.toString()).toMatch(/data: \[DONE\]\n\n$/);
    const { code, signal, at } = await gateway.exited;
    expect({ code, signal }).toEqual({ code: 0, signal: null });
    expect(at - finished).toBeLessThan(1_000);
    expect(readLedger(gateway.dataDir)).toMatchObject([{ state: 'settled', outcome: 'ok', input: 11, output: 3 }]);
  });

  test('L1: without anything open it exits with 0 at once, idle connections or not', async () => {
    const gateway = await start({});
    const idle = await open(gateway.url);
    await idle.ask({ path: '/livez' });
    const at = performance.now();
    gateway.signal('SIGTERM');
    expect(await gateway.exited).toMatchObject({ code: 0 });
    expect(performance.now() - at).toBeLessThan(1_000);
  });

  test('L1: a request on an open connection during the shutdown is 503 gateway_draining and the connection is closed', async () => {
    const upstream = opened(await startUpstream(paced(chatEvents({ text: ['a', 'b', 'c', 'd'] }), 250)));
    const gateway = await start({ file: fileFor(upstream.url) });
    const other = await open(gateway.url);
    await other.ask({ path: '/livez' });
    const client = await streaming(gateway.url);
    other.send(Buffer.from('POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n'));
    gateway.signal('SIGTERM');
    await sleep(60);
    const body = JSON.stringify(ask());
    other.socket.write(`content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    const reply = await other.until(({ complete, ended }) => complete || ended !== null);
    expect(reply.status).toBe(503);
    expect(expectEnvelope(reply).code).toBe('gateway_draining');
    expect(reply.headers.connection).toBe('close');
    expect((await client.until(({ complete }) => complete)).body.toString()).toContain('[DONE]');
    expect(await gateway.exited).toMatchObject({ code: 0 });
  });

  test('L1: with a delay, requests are served until it is over', async () => {
    const upstream = opened(await startUpstream(chat));
    const gateway = await start({ file: fileFor(upstream.url, 'server: { shutdown: { delay: 700ms, timeout: 2s } }') });
    const at = performance.now();
    gateway.signal('SIGTERM');
    await sleep(200);
    expect((await request(gateway.managementUrl, { path: '/readyz' })).status).toBe(503);
    expect((await request(gateway.url, { body: ask() })).status).toBe(200);
    expect(await gateway.exited).toMatchObject({ code: 0 });
    expect(performance.now() - at).toBeGreaterThan(680);
    expect(performance.now() - at).toBeLessThan(2_500);
  });

  test('L1: at the hard deadline an open stream ends with an error event and is settled', async () => {
    const upstream = opened(
      await startUpstream(
        paced(
          Array.from({ length: 1_000 }, () => chunk({ content: 'a' })),
          20,
        ),
      ),
    );
    const gateway = await start({ file: fileFor(upstream.url, 'server: { shutdown: { timeout: 400ms } }') });
    const client = await streaming(gateway.url);
    const at = performance.now();
    gateway.signal('SIGTERM');
    const reply = await client.until(({ complete, ended }) => complete || ended !== null);
    expect(reply.complete).toBe(true);
    expect(streamError(reply.body)).toMatchObject({ code: 'stream_interrupted' });
    expect(reply.body.toString()).not.toContain('[DONE]');
    expect(await gateway.exited).toMatchObject({ code: 0 });
    expect(performance.now() - at).toBeLessThan(2_400);
    const [row] = readLedger(gateway.dataDir);
    expect(row).toMatchObject({ state: 'settled', outcome: 'cancelled', reason: 'shutdown', usage_source: 'estimated' });
    expect(row!.output).toBeGreaterThan(0);
  });

  test.each([1, 3, 30])(
    'L2: the same signal again %s ms later is the Ctrl-C that npm passes on: streams end whole',
    async (gap) => {
      const events = [...Array.from({ length: 20 }, () => chunk({ content: 'a' })), chunk({}, 'stop')];
      const upstream = opened(await startUpstream(paced(events, 20)));
      const gateway = await start({ file: fileFor(upstream.url) });
      const client = await streaming(gateway.url);
      gateway.signal('SIGINT');
      await sleep(gap);
      gateway.signal('SIGINT');
      expect((await client.until(({ complete }) => complete)).body.toString()).toContain('[DONE]');
      expect(await gateway.exited).toMatchObject({ code: 0, signal: null });
    },
  );

  test('L2: a second signal settles what is open and ends the process at once', async () => {
    const upstream = opened(await startUpstream(silence));
    const gateway = await start({ file: fileFor(upstream.url) });
    const client = await open(gateway.url);
    client.send({ body: ask() });
    await upstream.arrived(1);
    upstream.script = paced([chunk({ content: 'a' }), chunk({ content: 'b' })], 60_000);
    await streaming(gateway.url);
    gateway.signal('SIGTERM');
    await sleep(150);
    expect(gateway.child.exitCode).toBeNull();
    const at = performance.now();
    gateway.signal('SIGINT');
    expect(await gateway.exited).toMatchObject({ code: 1, signal: null });
    expect(performance.now() - at).toBeLessThan(1_000);
    const rows = readLedger(gateway.dataDir);
    expect(rows).toMatchObject(
      Array(2).fill({ state: 'settled', outcome: 'cancelled', reason: 'shutdown', usage_source: 'estimated' }),
    );
  });
});

test('L3: after kill -9 mid-stream the open intent is settled at the next start', async () => {
  const upstream = opened(
    await startUpstream(
      paced(
        Array.from({ length: 1_000 }, () => chunk({ content: 'a' })),
        20,
      ),
    ),
  );
  const file = fileFor(upstream.url);
  const first = await start({ file });
  await streaming(first.url);
  first.signal('SIGKILL');
  await first.exited;
  expect(readLedger(first.dataDir)).toMatchObject([{ state: 'open' }]);
  const again = await start({ file, dataDir: first.dataDir });
  const [row] = readLedger(again.dataDir);
  expect(row).toMatchObject({ state: 'settled', outcome: 'unknown', reason: 'unknown_outcome', usage_source: 'estimated' });
  expect(row!.input).toBeGreaterThan(0);
  upstream.script = chat;
  expect((await request(again.url, { body: ask() })).status).toBe(200);
});

describe('a start that cannot go on exits with 1 and says what, where and what to do, without a stack', () => {
  async function failing(options: ProcessOptions): Promise<string> {
    const gateway = await start({ ...options, ready: false });
    const { code } = await Promise.race([gateway.exited, sleep(10_000, { code: null })]);
    expect(gateway.stderr()).not.toMatch(/^\s+at /m);
    expect(gateway.stderr()).not.toMatch(/node:internal|\.[jt]s:\d+:\d+/);
    expect(code).toBe(1);
    return gateway.stderr();
  }

  test('the port is in use', async () => {
    const upstream = opened(await startUpstream(chat));
    const message = await failing({ env: { LISTEN: `127.0.0.1:${upstream.port}` } });
    expect(message).toContain(String(upstream.port));
    expect(message).toMatch(/another process listens there/);
    expect(message).toMatch(/LISTEN|PORT/);
  });

  test('DATA_DIR cannot be written', async () => {
    // Below a file: refused for every user, root included.
    const message = await failing({ env: { DATA_DIR: `${node}/data` } });
    expect(message).toContain(`${node}/data`);
    expect(message).toContain('DATA_DIR');
  });

  test('D4: another process has the DATA_DIR', async () => {
    const first = await start({});
    const message = await failing({ dataDir: first.dataDir });
    expect(message).toContain(first.dataDir);
    expect(message).toContain(String(first.child.pid));
    expect(message).toContain('DATA_DIR');
    expect((await request(first.url, { path: '/livez' })).status).toBe(200);
  });

  test('the configuration is wrong: every problem with its line', async () => {
    const message = await failing({ file: 'server: { listn: "x" }\nprovider: {}\ntimeouts: { total: 5 }\n' });
    for (const line of [1, 2, 3]) expect(message).toContain(`postern.yaml:${line}`);
    expect(message).toContain('listen');
    expect(message).toContain('providers');
  });

  test('CONFIG_FILE does not exist', async () => {
    expect(await failing({ env: { CONFIG_FILE: '/nowhere/postern.yaml' } })).toContain('/nowhere/postern.yaml');
  });
});

test('a start with everything default serves the sandbox and says how to call it', async () => {
  const gateway = await start({ env: { NODE_ENV: 'production' } });
  const reply = await request(gateway.url, {
    body: { model: 'sandbox/echo', messages: [{ role: 'user', content: 'Anybody there?' }] },
  });
  expect(jsonOf<{ choices: { message: { content: string } }[] }>(reply).choices[0]?.message.content).toContain('Anybody there?');
  await expect.poll(() => gateway.stderr() + gateway.stdout()).toContain(gateway.url);
  expect(gateway.stderr() + gateway.stdout()).toMatch(/curl/);
});

test('D1: a second start on the same DATA_DIR keeps its ledger', async () => {
  const first = await start({});
  await request(first.url, { body: { model: 'sandbox/echo', messages: [{ role: 'user', content: 'one' }] } });
  first.signal('SIGTERM');
  await first.exited;
  const second = await start({ dataDir: first.dataDir });
  await request(second.url, { body: { model: 'sandbox/echo', messages: [{ role: 'user', content: 'two' }] } });
  await expect.poll(() => readLedger(second.dataDir).map((row) => row.state)).toEqual(['settled', 'settled']);
});
