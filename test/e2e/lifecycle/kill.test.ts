import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { expect, test, vi } from 'vitest';
import { chatBody, chatEvents } from '../../helper/chat.ts';
import { opened, whenDone } from '../../helper/cleanup.ts';
import { type LedgerRow, readLedger } from '../../helper/ledger.ts';
import { type GatewayProcess, startProcess } from '../../helper/process.ts';
import { json, paced } from '../../helper/replies.ts';
import { startUpstream } from '../../helper/upstream.ts';

// Kills in the middle of writing, under load. What the upstream was asked is the truth that the ledger is held against.

/** `KILLS=200` is the figure for a release. */
const kills = Number(process.env.KILLS ?? 5);
const callerKey = 'sk-caller-7d2f0b9c4e6a8135';
const adminKey = 'adm-5b9d1f3e7a2c4068d1f3e7a2';
/** Milliseconds between two calls: 200 per second, every second one a stream. */
const every = 5;

vi.setConfig({ testTimeout: 60_000 + kills * 20_000 });

/** Calls at a fixed rate, whatever becomes of them. Each has a name that the upstream and the ledger see too. */
class Load {
  /** Names of the calls whose answer came whole. */
  readonly whole = new Set<string>();
  readonly #open = new Set<Promise<void>>();
  readonly #agent = new Agent({ connections: 256 });
  #count = 0;

  async run(url: string, until: () => boolean): Promise<void> {
    let next = performance.now();
    while (!until()) {
      for (; next < performance.now(); next += every) {
        const call: Promise<void> = this.#call(url, `call-${this.#count++}`)
          .catch(() => {})
          .finally(() => this.#open.delete(call));
        this.#open.add(call);
      }
      await sleep(every);
    }
    await Promise.all(this.#open);
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }

  async #call(url: string, name: string): Promise<void> {
    const stream = this.#count % 2 === 0;
    const reply = await request(`${url}/v1/chat/completions`, {
      dispatcher: this.#agent,
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-request-id': name, authorization: `Bearer ${callerKey}` },
      body: JSON.stringify({ model: 'm', stream, messages: [{ role: 'user', content: name }] }),
    });
    const text = await reply.body.text();
    if (reply.statusCode === 200 && (stream ? text.endsWith('data: [DONE]\n\n') : text.endsWith('}'))) this.whole.add(name);
  }
}

interface Standing {
  readonly unit: string;
  readonly period: string | null;
  readonly used: number | string;
  readonly held: number | string;
}

/** Used and held by what the key's limits count; USD as nano-USD. */
async function standing(gateway: GatewayProcess): Promise<Record<string, [number, number]>> {
  const headers = { authorization: `Bearer ${adminKey}` };
  const answer = await fetch(`${gateway.managementUrl}/admin/v1/keys/key_bot`, { headers });
  const { usage } = (await answer.json()) as { usage: Standing[] };
  const amount = (value: number | string): number => (typeof value === 'string' ? Math.round(Number(value) * 1e9) : value);
  return Object.fromEntries(
    usage.map(({ unit, period, used, held }) => [`${unit} ${period ?? 'concurrent'}`, [amount(used), amount(held)]]),
  );
}

test(`L3 G1 G3: over ${kills} kills -9 at 200 calls per second no call that was sent is missing from the ledger, and none is in it twice`, async () => {
  const whole = json(200, chatBody());
  const events = paced(chatEvents({ text: ['a', 'b', 'c'] }), 25);
  const upstream = opened(
    await startUpstream(async (call, wire) => {
      if ((call.json as { stream: boolean }).stream) return events(call, wire);
      await sleep(15);
      return whole(call, wire);
    }),
  );
  const file = `
providers:
  up: { type: openai-compatible, base_url: ${upstream.url}, api_key: sk-upstream-0123456789abcdef, catalogue: false }
models:
  m: { targets: [{ provider: up, model: up-1 }] }
keys:
  bot:
    secret: ${callerKey}
    rate_limits: { concurrent_requests: 10000, requests_per_day: 10000000 }
    budgets: [{ requests: 10000000, period: total }, { tokens: 1000000000, period: month }, { amount_usd: 1000, period: day }]
prices: { "up/*": { input: 3, output: 15 } }
retries: { max_attempts: 1 }
health: { consecutive_failures: 1000000, min_requests: 1000000 }
`;
  const dataDir = mkdtempSync(join(tmpdir(), 'postern-kill-'));
  whenDone(() => rmSync(dataDir, { recursive: true, force: true }));
  const start = async (): Promise<GatewayProcess> =>
    opened(await startProcess({ file, dataDir, env: { ADMIN_API_KEY: adminKey } }));

  const load = opened(new Load());
  let openAtKills = 0;
  for (let at = 0; at < kills; at++) {
    const gateway = await start();
    expect(readLedger(dataDir).filter(({ state }) => state === 'open')).toEqual([]);
    let killed = false;
    const running = load.run(gateway.url, () => killed);
    await sleep(400 + ((at * 137) % 300));
    gateway.signal('SIGKILL');
    await gateway.exited;
    killed = true;
    await running;
    openAtKills += readLedger(dataDir).filter(({ state }) => state === 'open').length;
  }
  const last = await start();
  const rows = readLedger(dataDir);
  const counted = await standing(last);
  last.signal('SIGTERM');
  expect(await last.exited).toMatchObject({ code: 0 });

  // The kills met work under way, else this shows nothing.
  expect(openAtKills).toBeGreaterThan(kills);
  expect(load.whole.size).toBeGreaterThan(kills * 20);
  const byName = Map.groupBy(rows, (row) => row.request_id);
  const sent = upstream.calls.map((call) => (call.json as { messages: [{ content: string }] }).messages[0].content);
  expect(new Set(sent).size).toBe(sent.length);
  const of = (name: string): readonly LedgerRow[] => byName.get(name) ?? [];
  expect({
    lost: sent.filter((name) => of(name).length === 0),
    double: [...byName].filter(([, each]) => each.length > 1),
    open: rows.filter(({ state }) => state !== 'settled'),
    acknowledgedButNotSo: [...load.whole].filter((name) => of(name)[0]?.outcome !== 'ok' || of(name)[0]?.output !== 3),
    uncounted: rows.filter((row) => row.outcome === 'unknown' && !(row.usage_source === 'estimated' && row.input! > 0)),
  }).toEqual({ lost: [], double: [], open: [], acknowledgedButNotSo: [], uncounted: [] });

  // G3: what budgets count is the sum of the ledger, and nothing is held for calls that are gone.
  const sum = (of: (row: LedgerRow) => number): number => rows.reduce((total, row) => total + of(row), 0);
  const requests = sum(({ attempt }) => (attempt === 1 ? 1 : 0));
  expect(counted).toEqual({
    'requests total': [requests, 0],
    'requests day': [requests, 0],
    'tokens month': [sum(({ input, output }) => input! + output!), 0],
    'usd day': [sum(({ cost_nano }) => cost_nano!), 0],
    'requests concurrent': [0, 0],
  });
});
