import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { chat, chatBody, errorBody } from '../helper/chat.ts';
import { opened } from '../helper/cleanup.ts';
import { ask as request } from '../helper/client.ts';
import { startGateway, type TestGateway } from '../helper/gateway.ts';
import { ask, provider } from '../helper/overlay.ts';
import { json } from '../helper/replies.ts';
import { type Script, startUpstream, type Upstream } from '../helper/upstream.ts';

// What each strategy does when prices, speed or load change under it, on sockets. The shares are of the calls that arrive upstream.

interface Rig {
  readonly gateway: TestGateway;
  readonly upstreams: readonly Upstream[];
  /** How many of `calls`, `width` at a time, arrive at each upstream. */
  shares(calls: number, width?: number, body?: object): Promise<number[]>;
}

const names = ['a', 'b', 'c'];

async function rig(strategy: string, more: { model?: object; overlay?: object; targets?: readonly object[] } = {}): Promise<Rig> {
  const upstreams = await Promise.all(names.map(async () => opened(await startUpstream(chat))));
  const gateway = await startGateway({
    overlay: {
      providers: Object.fromEntries(names.map((name, at) => [name, provider(upstreams[at]!.url)])),
      models: {
        m: {
          strategy,
          targets: names.map((name, at) => ({ provider: name, model: 'up-1', ...more.targets?.[at] })),
          ...more.model,
        },
      },
      ...more.overlay,
    },
  });
  const shares = async (calls: number, width = 4, body = ask()): Promise<number[]> => {
    const before = upstreams.map((each) => each.calls.length);
    let left = calls;
    const worker = async () => {
      while (left-- > 0) expect((await request(gateway.url, { body: body as Record<string, unknown> })).status).toBe(200);
    };
    await Promise.all(Array.from({ length: width }, worker));
    return upstreams.map((each, at) => each.calls.length - before[at]!);
  };
  return { gateway, upstreams, shares };
}

const answersAfter =
  (ms: number, script: Script = chat): Script =>
  async (call, wire) => {
    await sleep(ms);
    await script(call, wire);
  };
const using = (usage: object): Script => json(200, chatBody('Hello there', { usage }));

describe('shares on sockets', () => {
  test('weighted: exactly the weights, and without the one that is down exactly those of the others', async () => {
    const { upstreams, shares } = await rig('weighted', { targets: [{ weight: 5 }, { weight: 3 }, { weight: 2 }] });
    expect(await shares(100)).toEqual([50, 30, 20]);
    upstreams[0]!.script = json(503, errorBody('down'), { 'retry-after': '30' });
    await shares(10, 1);
    const [gone, b, c] = await shares(100);
    expect(gone).toBe(0);
    expect(Math.abs(b! - 60)).toBeLessThanOrEqual(1);
    expect(b! + c!).toBe(100);
  });

  test('least-cost: follows within 20 calls when the dearer one turns out to have the prompt cached', async () => {
    const million = (input: number, cached: number) => ({ input, output: 0, cached });
    const { upstreams, shares } = await rig('least-cost', {
      overlay: { prices: { 'a/up-1': million(2, 2), 'b/up-1': million(3, 0.3), 'c/up-1': million(9, 9) } },
    });
    expect(await shares(20, 1)).toEqual([20, 0, 0]);
    const cached = {
      prompt_tokens: 1_000,
      completion_tokens: 5,
      total_tokens: 1_005,
      prompt_tokens_details: { cached_tokens: 900 },
    };
    upstreams[1]!.script = using(cached);
    upstreams[0]!.script = json(503, errorBody('down'), { 'retry-after': '1' });
    await shares(5, 1);
    upstreams[0]!.script = chat;
    await sleep(1_100);
    expect(await shares(20, 1)).toEqual([0, 20, 0]);
  });

  test('P4: lowest-latency: nine tenths of the calls leave a provider within 30 calls of its becoming ten times as slow', {
    retry: 2,
  }, async () => {
    const { upstreams, shares } = await rig('lowest-latency');
    for (const each of upstreams) each.script = answersAfter(15);
    const even = await shares(90);
    for (const share of even) expect(share).toBeGreaterThan(5);
    upstreams[1]!.script = answersAfter(150);
    await shares(30);
    const [, slow] = await shares(100);
    expect(slow).toBeLessThanOrEqual(10);
  });

  test('least-busy: a target that takes five times as long gets about a fifth of the others, from the next calls on', {
    retry: 2,
  }, async () => {
    const { upstreams, shares } = await rig('least-busy');
    for (const each of upstreams) each.script = answersAfter(20);
    await shares(30, 12);
    upstreams[2]!.script = answersAfter(100);
    const [a, b, busy] = await shares(120, 12);
    expect(busy! / ((a! + b!) / 2)).toBeLessThan(0.45);
  });

  test('score: leaves within 10 calls a favourite that becomes slow, for one that exploration has shown to be fast', {
    retry: 2,
  }, async () => {
    const { upstreams, shares } = await rig('score', { model: { score: { price: 0, latency: 1, uptime: 0, cache: 0 } } });
    for (const each of upstreams) each.script = answersAfter(4);
    // One call in a hundred shows another target; after these every one has answered.
    while (upstreams.some(({ calls }) => calls.length < 2)) await shares(100, 8);
    const counts = await shares(20, 4);
    const favourite = counts.indexOf(Math.max(...counts));
    upstreams[favourite]!.script = answersAfter(150);
    await shares(10, 2);
    const moved = await shares(60, 4);
    expect(moved[favourite]).toBeLessThanOrEqual(6);
  });
});

describe('P5, G14: an endpoint that refuses within a millisecond', () => {
  test.each(['weighted', 'round-robin', 'priority', 'least-cost', 'lowest-latency', 'least-busy', 'score'])(
    '%s: gets at most a twentieth',
    { retry: 1 },
    async (strategy) => {
      const { upstreams, shares } = await rig(strategy, { overlay: { retries: { budget: { min_per_second: 100 } } } });
      upstreams[0]!.script = json(503, errorBody('overloaded'));
      const [fast] = await shares(300, 8);
      expect(fast! / 300).toBeLessThanOrEqual(0.05);
    },
  );
});
