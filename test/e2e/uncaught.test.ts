import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { chat, chatEvents } from '../helper/chat.ts';
import { opened, whenDone } from '../helper/cleanup.ts';
import { type Connection, open, ask as request, textOf } from '../helper/client.ts';
import { expectEnvelope } from '../helper/envelope.ts';
import { startGateway } from '../helper/gateway.ts';
import { readLedger } from '../helper/ledger.ts';
import { ask, patient } from '../helper/overlay.ts';
import { type GatewayProcess, startProcess } from '../helper/process.ts';
import { paced, silence } from '../helper/replies.ts';
import { startUpstream } from '../helper/upstream.ts';

// What no code expects: an error nobody catches, an event loop that stands still. Brought about from outside, by a module
// that is loaded ahead of the gateway and waits for a signal.

// As a provider of one's own may have it: nothing in its form says that it is a secret.
const secret = 'operator.CANARY.word';

async function start(baseUrl: string, onSignal: string): Promise<GatewayProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'postern-preload-'));
  whenDone(() => rmSync(folder, { recursive: true, force: true }));
  const module = join(folder, 'on-signal.mjs');
  writeFileSync(module, `process.on('SIGWINCH', () => { ${onSignal} });`);
  return opened(
    await startProcess({
      file: `
providers:
  up: { type: openai-compatible, base_url: ${baseUrl}, api_key: ${secret}, catalogue: false }
models:
  m: { targets: [{ provider: up, model: up-1 }] }
`,
      env: { NODE_OPTIONS: `--import=${module}` },
    }),
  );
}

async function connect(url: string): Promise<Connection> {
  const connection = await open(url);
  whenDone(() => connection.leave('fin'));
  return connection;
}

const fault = `Object.assign(new Error('a fault of ours with ${secret} and Bearer sk-caller-CANARY-1'), {
  headers: { authorization: 'Bearer sk-caller-CANARY-1' },
})`;

const cleaned = 'a fault of ours with [redacted] and Bearer [redacted]';

test.each([
  ['an uncaught exception', `throw ${fault};`, cleaned],
  ['an unhandled rejection', `void Promise.reject(${fault});`, cleaned],
  ['a rejection without a reason', 'void Promise.reject();', 'not an error was thrown: undefined'],
])(
  'L4: %s ends the process with 1 and one fatal line without secrets; what was acknowledged stays',
  async (_name, onSignal, said) => {
    const upstream = opened(await startUpstream(chat));
    const gateway = await start(upstream.url, onSignal);
    expect((await request(gateway.url, { body: ask() })).status).toBe(200);
    upstream.script = silence;
    const waiting = await connect(gateway.url);
    waiting.send({ body: ask() });
    await upstream.arrived(2);

    const at = performance.now();
    gateway.signal('SIGWINCH');
    expect(await gateway.exited).toMatchObject({ code: 1, signal: null });
    expect(performance.now() - at).toBeLessThan(2_000);
    await waiting.closed();

    const fatal = gateway
      .stdout()
      .split('\n')
      .filter((line) => line.includes('"level":"fatal"'));
    expect(fatal).toHaveLength(1);
    expect(JSON.parse(fatal[0]!)).toMatchObject({
      err: { type: 'Error', message: said, stack: expect.stringContaining('Error: ') },
    });
    expect(gateway.stdout() + gateway.stderr()).not.toContain('CANARY');
    // The second one becomes `unknown` at the next start.
    expect(readLedger(gateway.dataDir)).toMatchObject([{ state: 'settled', outcome: 'ok' }, { state: 'open' }]);
  },
);

test('L5: an event loop that stands still for 1.5 s loses nothing: streams go on, probes and calls are answered, it is shown', async () => {
  const upstream = opened(await startUpstream(paced(chatEvents({ text: ['a', 'b', 'c', 'd'] }), 150)));
  const gateway = await start(upstream.url, 'for (const until = Date.now() + 1500; Date.now() < until; );');
  const stream = await connect(gateway.url);
  stream.send({ body: ask({ stream: true }) });
  await stream.saw('"content":"a"');
  const probe = await connect(gateway.managementUrl);
  expect((await probe.ask({ path: '/livez' })).status).toBe(200);

  gateway.signal('SIGWINCH');
  expect((await probe.ask({ path: '/livez' })).status).toBe(200);
  const whole = await stream.until(({ complete }) => complete);
  expect(textOf(whole.body)).toBe('abcd');
  expect(whole.body.toString()).toMatch(/data: \[DONE\]\n\n$/);
  expect((await request(gateway.url, { body: ask() })).status).toBe(200);
  const metrics = (await request(gateway.managementUrl, { path: '/metrics' })).body.toString();
  expect(Number(/^postern_event_loop_delay_seconds\{quantile="max"\} (\S+)$/m.exec(metrics)?.[1])).toBeGreaterThan(1);
});

test('L5: more calls than may be under way are refused at once, so that those under way are not lost', async () => {
  const upstream = opened(await startUpstream(silence));
  const gateway = await startGateway({ overlay: patient(upstream.url, { server: { max_in_flight: 3 } }) });
  for (let count = 0; count < 3; count++) (await connect(gateway.url)).send({ body: ask() });
  await upstream.arrived(3);
  const began = performance.now();
  const reply = await request(gateway.url, { body: ask() });
  expect(performance.now() - began).toBeLessThan(200);
  expect(reply).toMatchObject({ status: 503, headers: { 'x-should-retry': 'true' } });
  expect(expectEnvelope(reply).code).toBe('gateway_overloaded');
  expect(Number(reply.headers['retry-after'])).toBeGreaterThan(0);
  expect(upstream.calls).toHaveLength(3);
});
