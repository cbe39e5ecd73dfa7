import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { beforeAll, expect, test, vi } from 'vitest';
import { chatBody, chatEvents } from '../helper/chat.ts';
import { opened, whenDone } from '../helper/cleanup.ts';
import { open, textOf } from '../helper/client.ts';
import { root } from '../helper/gateway.ts';
import { readLedger } from '../helper/ledger.ts';
import { startNginx } from '../helper/nginx.ts';
import { ask } from '../helper/overlay.ts';
import { freePort } from '../helper/ports.ts';
import { type GatewayProcess, startProcess } from '../helper/process.ts';
import { json, paced } from '../helper/replies.ts';
import { startUpstream, type Upstream } from '../helper/upstream.ts';

// Two gateways behind nginx, replaced one after the other under load, with the configuration that deploy/nginx.conf gives away.

vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 });

/** Calls in all, at least; gateways are replaced until then. `ROLLING_CALLS=10000` is the figure for a release. */
const wanted = Number(process.env.ROLLING_CALLS ?? 2_000);
const restarts = 5;
const words = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
const wordMs = 300;

const settings = (baseUrl: string): string => `
providers:
  up: { type: openai-compatible, base_url: ${baseUrl}, api_key: sk-upstream-0123456789abcdef, catalogue: false }
models:
  m: { targets: [{ provider: up, model: up-1 }] }
retries: { max_attempts: 1 }
server: { shutdown: { delay: 1s, timeout: 20s } }
`;

/** The example for users, on other ports and without TLS. */
function configuration(port: number, gateways: readonly number[]): string {
  let text = readFileSync(join(root, 'deploy/nginx.conf'), 'utf8');
  const put = (what: RegExp, instead: string) => {
    expect(text).toMatch(what);
    text = text.replace(what, instead);
  };
  put(/127\.0\.0\.1:4000/, `127.0.0.1:${gateways[0]}`);
  put(/127\.0\.0\.1:4100/, `127.0.0.1:${gateways[1]}`);
  put(/listen 443 ssl;/, `listen 127.0.0.1:${port};`);
  put(/ssl_certificate .*;\n/, '\n');
  put(/ssl_certificate_key .*;\n/, '\n');
  return text;
}

interface Exit {
  readonly code: number | null;
  /** Milliseconds between the end of the last call in the log and the exit. */
  readonly afterLast: number;
}

/** How a process left. Its access log says when the last call ended; lines are flushed at the exit. */
async function exitOf(gateway: GatewayProcess): Promise<Exit> {
  const { code } = await gateway.exited;
  const at = Date.now();
  const ends = gateway
    .stdout()
    .split('\n')
    .filter((line) => line.includes('"exchange"'))
    .map((line) => Date.parse((JSON.parse(line) as { time: string }).time));
  return { code, afterLast: at - Math.max(...ends) };
}

/** Callers that go on until told to stop. */
class Load {
  readonly failures: string[] = [];
  calls = 0;
  streams = 0;
  #stopped = false;
  readonly #running: Promise<void>[] = [];
  readonly #agent = new Agent({ connections: 64, bodyTimeout: 60_000, headersTimeout: 60_000 });
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  start(callers: number, streamers: number): void {
    for (let at = 0; at < callers; at++) this.#running.push(this.#repeat(at * 5, 40, () => this.#json()));
    for (let at = 0; at < streamers; at++) this.#running.push(this.#repeat(at * 130, 20, () => this.#stream()));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#running);
    await this.#agent.close();
  }

  async #repeat(first: number, pause: number, call: () => Promise<string | null>): Promise<void> {
    await sleep(first);
    while (!this.#stopped) {
      const at = new Date().toISOString();
      const failure = await call().catch((error: Error) => `${error.name}: ${error.message}`);
      this.calls++;
      if (failure !== null) this.failures.push(`${at} ${failure}`);
      await sleep(pause);
    }
  }

  async #post(stream: boolean): Promise<{ status: number; body: string }> {
    const reply = await request(`${this.#url}/v1/chat/completions`, {
      dispatcher: this.#agent,
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(ask({ stream })),
    });
    return { status: reply.statusCode, body: await reply.body.text() };
  }

  async #json(): Promise<string | null> {
    const { status, body } = await this.#post(false);
    return status === 200 && JSON.parse(body).choices[0].message.content === 'Hello there' ? null : `${status} ${body}`;
  }

  async #stream(): Promise<string | null> {
    const { status, body } = await this.#post(true);
    this.streams++;
    const whole = status === 200 && textOf(body) === words.join('') && body.endsWith('data: [DONE]\n\n');
    return whole ? null : `${status} ${body}`;
  }
}

let upstream: Upstream;
let folder: string;
const processes: GatewayProcess[] = [];

/** A gateway on this port, with a ledger of its own. */
async function startOn(port: number): Promise<GatewayProcess> {
  const dataDir = join(folder, String(processes.length));
  const started = await startProcess({ file: settings(upstream.url), dataDir, env: { LISTEN: `127.0.0.1:${port}` } });
  processes.push(opened(started));
  return started;
}

/** Resolves once nobody can connect to this port. */
async function refused(port: number): Promise<void> {
  for (const until = performance.now() + 30_000; performance.now() < until; await sleep(20)) {
    const connection = await open(`http://127.0.0.1:${port}`).catch(() => null);
    if (connection === null) return;
    connection.leave('fin');
  }
  throw new Error('The port is not closed within 30 s.');
}

beforeAll(async () => {
  const whole = json(200, chatBody());
  const events = paced(chatEvents({ text: words }), wordMs);
  const script: Upstream['script'] = async (call, wire) => {
    if ((call.json as { stream?: boolean }).stream === true) return events(call, wire);
    await sleep(10);
    return whole(call, wire);
  };
  upstream = opened(await startUpstream(script));
  folder = mkdtempSync(join(tmpdir(), 'postern-rolling-'));
  whenDone(() => rmSync(folder, { recursive: true, force: true }));
});

test('G15: two gateways behind nginx are replaced five times and more under load: no call fails, every stream is whole, none is sent twice', async () => {
  const ports = [await freePort(), await freePort()];
  const gateways = [await startOn(ports[0]!), await startOn(ports[1]!)];
  const nginx = opened(await startNginx((port) => configuration(port, ports)));
  const load = new Load(nginx.url);
  load.start(12, 8);
  await sleep(500);
  const exits: Promise<Exit>[] = [];
  for (let at = 0; at < restarts || load.calls < wanted; at++) {
    const port = ports[at % 2]!;
    const leaving = gateways[at % 2]!;
    leaving.signal('SIGTERM');
    exits.push(exitOf(leaving));
    await refused(port);
    // The one before goes on with its streams meanwhile.
    gateways[at % 2] = await startOn(port);
  }
  await load.stop();
  const left = await Promise.all(exits);
  const inProxy = () =>
    `${nginx.errorLog()}${nginx.accessLog()}`.split('\n').filter((line) => !/^200|\[(notice|info)\]/.test(line));
  expect(load.failures, inProxy().slice(-40).join('\n')).toEqual([]);
  expect(load.calls).toBeGreaterThanOrEqual(wanted);
  expect(load.streams).toBeGreaterThan(20);
  expect(left.map(({ code }) => code)).toEqual(left.map(() => 0));
  expect(Math.max(...left.map(({ afterLast }) => afterLast))).toBeLessThan(1_000);
  // A call that was sent twice would have been paid for twice.
  expect(upstream.calls).toHaveLength(load.calls);
  const rows = processes.flatMap(({ dataDir }) => readLedger(dataDir));
  expect(rows).toHaveLength(load.calls);
  expect(rows.every(({ state, outcome }) => state === 'settled' && outcome === 'ok')).toBe(true);
});
