import OpenAI from 'openai';
import { describe, expect, it, vi } from 'vitest';
import { opened } from '../helper/cleanup.ts';
import { startFakeGemini } from '../helper/fakes/index.ts';
import { startGateway } from '../helper/gateway.ts';
import type { LedgerRow } from '../helper/ledger.ts';

// Prompts that begin alike, from an untouched client, at an upstream that keeps their beginning for a lower price.

const model = 'gemini-2.5-flash';
const adminApiKey = 'admin-key-0123456789abcdef';
const until = <T>(check: () => T | Promise<T>): Promise<T> => vi.waitFor(check, { timeout: 5_000, interval: 5 });
/** USD per million tokens, so nano-USD per token times 1000. */
const price = { input: 0.3, output: 2.5, cached: 0.03 };
const nano = { input: 300, output: 2_500, cached: 30 };
/** 8,192 tokens of the fake. */
const text = 'Every word of the handbook. '.repeat(1_171).slice(0, 8_192 * 4);

interface Setting {
  readonly mode?: 'off' | 'marker' | 'auto';
  readonly prices?: object;
  readonly minTokens?: number;
  readonly cache?: object;
}

async function rig({ mode = 'marker', prices = price, minTokens, cache = {} }: Setting = {}) {
  const clock = { ahead: 0 };
  const gemini = opened(
    await startFakeGemini({
      now: () => Date.now() + clock.ahead,
      ...(minTokens === undefined ? {} : { minCacheTokens: minTokens }),
    }),
  );
  const gateway = await startGateway({
    env: { ADMIN_API_KEY: adminApiKey },
    log: 'debug',
    overlay: {
      providers: {
        gemini: {
          type: 'gemini',
          base_url: gemini.url,
          api_key: gemini.apiKey,
          catalogue: false,
          context_cache: { mode, ...cache },
        },
      },
      prices: { [`gemini/${model}`]: prices },
    },
  });
  const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'none', maxRetries: 0 });

  async function ask(question: string, beginning = text) {
    const marked = mode === 'marker' ? { cache_control: { type: 'ephemeral' } } : {};
    const answer = await client.chat.completions.create({
      model: `gemini/${model}`,
      messages: [
        { role: 'system', content: [{ type: 'text', text: beginning, ...marked }] },
        { role: 'user', content: question },
      ],
    });
    return { text: answer.choices[0]!.message.content, cached: answer.usage?.prompt_tokens_details?.cached_tokens ?? 0 };
  }

  const admin = async (path: string, method = 'GET') => {
    const headers = { authorization: `Bearer ${adminApiKey}` };
    const reply = await fetch(`${gateway.managementUrl}/admin/v1/context-caches${path}`, { method, headers });
    return { status: reply.status, body: (await reply.json()) as { data: Record<string, unknown>[] } };
  };
  const creates = () => gemini.requests.filter(({ method, path }) => method === 'POST' && path.endsWith('/cachedContents'));
  return {
    gemini,
    gateway,
    clock,
    ask,
    admin,
    creates,
    /** Nothing is being created, and every row is settled. */
    quiet: async (rows: number): Promise<LedgerRow[]> => {
      await until(async () => {
        if ((await admin('')).body.data.some(({ state }) => state === 'creating')) throw new Error('One is being created.');
      });
      return gateway.ledgerRows(rows);
    },
  };
}

const sum = (rows: readonly LedgerRow[], of: keyof LedgerRow) => rows.reduce((total, row) => total + Number(row[of]), 0);

describe('20 calls with one beginning of 8,192 tokens', () => {
  const questions = Array.from({ length: 20 }, (_, at) => `Question ${at}: what does it say?`);

  async function run(mode: 'off' | 'marker' | 'auto') {
    const one = await rig({ mode });
    const answers: Awaited<ReturnType<typeof one.ask>>[] = [];
    for (const [at, question] of questions.entries()) {
      answers.push(await one.ask(question));
      // As long as an answer of a model takes, a creation is done by the next call.
      if (at < 2) await one.quiet(at + 1);
    }
    return { ...one, answers, rows: await one.quiet(mode === 'off' ? 20 : 21) };
  }

  it.each([
    ['marker', 19],
    ['auto', 18],
  ] as const)(
    '%s: one creation, %i calls use it, and the ledger is cheaper by exactly the price of cached tokens',
    async (mode, uses) => {
      const plain = await run('off');
      const { rows, answers, creates, gemini, admin, gateway } = await run(mode);
      expect(answers.map(({ text: said }) => said)).toEqual(plain.answers.map(({ text: said }) => said));
      expect([creates().length, gemini.caches().map(({ uses: used }) => used)]).toEqual([1, [uses]]);
      expect(answers.filter(({ cached }) => cached === 8_192)).toHaveLength(uses);

      const created = rows.filter(({ operation }) => operation === 'context_cache');
      expect(created).toMatchObject([{ attempt: 0, input: 8_192, output: 0, outcome: 'ok', cost_nano: 8_192 * nano.input }]);
      expect(rows.find(({ exchange, attempt }) => attempt === 1 && exchange === created[0]!.exchange)).toMatchObject({
        cached: 0,
      });
      const calls = rows.filter(({ operation }) => operation === 'chat');
      expect([sum(calls, 'input'), sum(calls, 'output')]).toEqual([sum(plain.rows, 'input'), sum(plain.rows, 'output')]);
      expect(sum(plain.rows, 'cost_nano') - sum(calls, 'cost_nano')).toBe(uses * 8_192 * (nano.input - nano.cached));
      expect(sum(rows, 'cost_nano')).toBeLessThan(sum(plain.rows, 'cost_nano') / 3);

      expect((await admin('')).body.data).toMatchObject([
        { provider: 'gemini', model, state: 'kept', tokens: 8_192, hits: uses, tokens_saved: uses * 8_192 },
      ]);
      const metrics = await (await fetch(`${gateway.managementUrl}/metrics`)).text();
      expect(metrics).toContain(`postern_context_cache_hits_total{provider="gemini"} ${uses}`);
      expect(metrics).toContain(`postern_context_cache_tokens_saved_total{provider="gemini"} ${uses * 8_192}`);
      expect(metrics).toContain('postern_context_cache_creates_total{provider="gemini",outcome="kept"} 1');
      expect(Number(/^postern_cost_usd_total\{provider="gemini"\} (\S+)$/m.exec(metrics)?.[1])).toBeCloseTo(
        sum(rows, 'cost_nano') / 1e9,
        9,
      );
    },
  );
});

describe('what the client sees', () => {
  it('of 50 calls at once is 50 answers, and the upstream one creation', async () => {
    const { ask, creates, quiet } = await rig();
    const answers = await Promise.all(Array.from({ length: 50 }, (_, at) => ask(`Question ${at}`)));
    expect(answers.every(({ text: said }) => typeof said === 'string' && said !== '')).toBe(true);
    await quiet(51);
    expect(creates()).toHaveLength(1);
  });

  it('of one that has ended upstream is an answer without it', async () => {
    const { ask, clock, creates, quiet, gateway, admin } = await rig();
    await ask('one');
    await quiet(2);
    clock.ahead = 6 * 60_000;
    const answer = await ask('two');
    expect([answer.cached, typeof answer.text]).toEqual([0, 'string']);
    const rows = await gateway.ledgerRows(4);
    expect(rows.slice(2)).toMatchObject([
      { outcome: 'failed', reason: 'prefix_lost', cost_nano: 0, attempt: 1 },
      { outcome: 'ok', attempt: 2, cached: 0 },
    ]);
    // Nor is it tried again at once.
    await ask('three');
    expect(creates()).toHaveLength(1);
    expect((await admin('')).body.data).toMatchObject([{ state: 'rejected', hits: 0 }]);
  });

  it.each([
    [403, 'CachedContent not found (or permission denied)'],
    [404, 'Cached content is gone.'],
    [400, 'CachedContent can not be used with GenerateContent request setting system_instruction, tools or tool_config.'],
  ])('of one that is refused with %i is an answer without it', async (status, message) => {
    const { ask, quiet, gemini, admin } = await rig();
    await ask('one');
    await quiet(2);
    gemini.next({ status, body: { error: { code: status, message, status: 'X' } } });
    const answer = await ask('two');
    expect([answer.cached, typeof answer.text]).toEqual([0, 'string']);
    expect((await admin('')).body.data).toMatchObject([{ state: 'rejected' }]);
    // What is not used is not paid for.
    await until(() => expect(gemini.caches()).toEqual([]));
  });

  it('of a beginning that is too small for the upstream is an answer without it, and it is not asked for each time', async () => {
    const { ask, quiet, creates, gemini, admin } = await rig({ minTokens: 100_000 });
    for (let at = 0; at < 4; at++) {
      expect((await ask(`Question ${at}`)).cached).toBe(0);
      if (at === 0) await quiet(2);
    }
    expect([creates().map(({ status }) => status), gemini.caches()]).toEqual([[400], []]);
    expect((await admin('')).body.data).toMatchObject([{ state: 'rejected', name: null }]);
    const rows = await quiet(5);
    expect(rows.find(({ operation }) => operation === 'context_cache')).toMatchObject({ usage_source: 'none', cost_nano: 0 });
  });
});

describe('the operator', () => {
  it('sees and removes what is kept, ours and others`', async () => {
    const { ask, quiet, gemini, admin } = await rig();
    const theirs = await fetch(`${gemini.url}/cachedContents`, {
      method: 'POST',
      headers: { 'x-goog-api-key': gemini.apiKey, 'content-type': 'application/json' },
      body: JSON.stringify({ model: `models/${model}`, contents: [{ role: 'user', parts: [{ text }] }], ttl: '300s' }),
    });
    const { name } = (await theirs.json()) as { name: string };
    await ask('one');
    await quiet(2);
    const [ours] = (await admin('?provider=gemini')).body.data;
    const listed = (await admin('?provider=gemini&upstream=true')).body.data;
    expect(listed).toHaveLength(2);
    expect(listed.find((each) => each.name === name)).toMatchObject({ digest: null, tokens: 8_192, model });
    expect(listed.find((each) => each.name === ours!.name)).toMatchObject({ digest: ours!.digest });

    expect((await admin(`/gemini/${name}`, 'DELETE')).status).toBe(200);
    expect(gemini.caches().map((each) => each.name)).toEqual([ours!.name]);
    expect((await admin(`/gemini/${ours!.digest}`, 'DELETE')).status).toBe(200);
    expect([gemini.caches(), (await admin('')).body.data]).toEqual([[], []]);
    expect((await admin(`/gemini/${name}`, 'DELETE')).status).toBe(404);
    expect((await ask('two')).cached).toBe(0);
  });

  it('finds nothing of the prompt in the log', async () => {
    const { ask, quiet, gateway } = await rig();
    await ask('one');
    await quiet(2);
    await ask('two');
    const lines = JSON.stringify(gateway.logs());
    expect(lines).toContain('keeps a prompt prefix');
    expect(lines).not.toContain('handbook');
  });

  it('pays for storage in the ledger where it has a price', async () => {
    const { ask, quiet } = await rig({ prices: { ...price, cache_storage_hour: 1 }, cache: { ttl: '30m' } });
    await ask('one');
    const rows = await quiet(2);
    const created = rows.find(({ operation }) => operation === 'context_cache');
    expect(created!.cost_nano).toBe(8_192 * nano.input + (8_192 / 2) * 1_000);
  });
});
