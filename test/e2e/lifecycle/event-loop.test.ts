import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { chat, chatEvents } from '../../helper/chat.ts';
import { opened, whenDone } from '../../helper/cleanup.ts';
import { type Connection, jsonOf, open, textOf } from '../../helper/client.ts';
import { expectEnvelope } from '../../helper/envelope.ts';
import { readLedger } from '../../helper/ledger.ts';
import { ask } from '../../helper/overlay.ts';
import { type GatewayProcess, startProcess } from '../../helper/process.ts';
import { paced } from '../../helper/replies.ts';
import { startUpstream, type Upstream } from '../../helper/upstream.ts';

// An event loop that stands still, brought about by a module that is loaded ahead of the gateway and waits for a signal.

vi.setConfig({ testTimeout: 60_000 });

async function start(upstream: Upstream, stallMs: number, settings = ''): Promise<GatewayProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'postern-preload-'));
  whenDone(() => rmSync(folder, { recursive: true, force: true }));
  const module = join(folder, 'stall.mjs');
  const stall = `for (const until = performance.now() + ${stallMs}; performance.now() < until; );`;
  writeFileSync(module, `process.on('SIGWINCH', () => { ${stall} });`);
  const file = `
providers:
  up: { type: openai-compatible, base_url: ${upstream.url}, api_key: sk-upstream-0123456789abcdef, catalogue: false }
models:
  m: { targets: [{ provider: up, model: up-1 }] }
auth: { mode: none }
${settings}`;
  // The limits of the defaults: config/test.yaml has none.
  return opened(await startProcess({ file, env: { NODE_OPTIONS: `--import=${module}`, NODE_ENV: 'production' } }));
}

async function connect(url: string): Promise<Connection> {
  const connection = await open(url);
  whenDone(() => connection.leave('fin'));
  return connection;
}

/** An open connection on which the gateway has answered once. */
async function used(url: string): Promise<Connection> {
  const connection = await connect(url);
  expect((await connection.ask({ path: '/livez' })).status).toBe(200);
  return connection;
}

async function metric(gateway: GatewayProcess, name: string): Promise<number> {
  const page = (await (await connect(gateway.managementUrl)).ask({ path: '/metrics' })).body.toString();
  const line = page.split('\n').find((each) => each.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1));
}

test('L5: a stall of 5 s is lived through: not ready and calls refused right after it, nothing sent and nothing in the ledger, and fine again', async () => {
  const upstream = opened(await startUpstream(paced(chatEvents({ text: ['a', 'b', 'c', 'd'] }), 150)));
  const gateway = await start(upstream, 5_000);
  const [alive, ready, caller, stream] = [
    await used(gateway.managementUrl),
    await used(gateway.managementUrl),
    await used(gateway.url),
    await connect(gateway.url),
  ];
  stream.send({ body: ask({ stream: true }) });
  await stream.saw('"content":"a"');

  gateway.signal('SIGWINCH');
  await new Promise((resolve) => setTimeout(resolve, 200));
  alive.send({ path: '/livez' });
  ready.send({ path: '/readyz' });
  caller.send({ body: ask() });
  const [livez, readyz, refused] = await Promise.all(
    [alive, ready, caller].map((each) => each.until(({ complete }) => complete, 20_000)),
  );

  // Within the 10 s that a liveness probe waits.
  expect(livez!.status).toBe(200);
  expect(readyz!.status).toBe(503);
  expect(jsonOf(readyz!)).toMatchObject({ failing: ['event_loop'] });
  expect(refused!.status).toBe(503);
  expect(expectEnvelope(refused!).code).toBe('gateway_overloaded');
  expect(refused!.headers).toMatchObject({ 'x-should-retry': 'true', connection: 'keep-alive' });
  expect(Number(refused!.headers['retry-after'])).toBeGreaterThan(0);

  const whole = await stream.until(({ complete }) => complete);
  expect(textOf(whole.body)).toBe('abcd');
  expect(whole.body.toString()).toMatch(/data: \[DONE\]\n\n$/);
  expect(upstream.calls).toHaveLength(1);
  expect(readLedger(gateway.dataDir)).toHaveLength(1);
  expect(await metric(gateway, 'postern_shed_total{reason="event_loop"}')).toBe(1);
  expect(await metric(gateway, 'postern_event_loop_delay_seconds{quantile="max"}')).toBeGreaterThan(4);

  upstream.script = chat;
  await expect.poll(async () => (await ready.ask({ path: '/readyz' })).status, { timeout: 20_000 }).toBe(200);
  expect((await caller.ask({ body: ask() })).status).toBe(200);
  expect(upstream.calls).toHaveLength(2);
});

test('L5: with both limits at 0s nothing is refused and it stays ready', async () => {
  const upstream = opened(await startUpstream(chat));
  const gateway = await start(upstream, 2_500, 'server: { overload: { unready_above: 0s, shed_above: 0s } }');
  const [ready, caller] = [await used(gateway.managementUrl), await used(gateway.url)];
  gateway.signal('SIGWINCH');
  await new Promise((resolve) => setTimeout(resolve, 200));
  ready.send({ path: '/readyz' });
  caller.send({ body: ask() });
  expect((await ready.until(({ complete }) => complete)).status).toBe(200);
  expect((await caller.until(({ complete }) => complete)).status).toBe(200);
});
