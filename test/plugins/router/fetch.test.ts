import { setTimeout as sleep } from 'node:timers/promises';
import Fastify from 'fastify';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { keepFetching } from '../../../plugins/router/fetch.ts';
import { type AnswerListener, failed, type Upstream } from '../../../plugins/upstream/index.ts';
import { credentialWith, useCredentials } from '../../../providers/instance.ts';
import type { ModelInfo, ProviderInstance, ProviderType } from '../../../providers/provider.ts';
import { provider, providerType } from './targets.ts';

const listing = providerType({
  catalogue: () => ({
    request: { method: 'GET', path: '/v1/models', headers: {}, body: null },
    read: (bytes) => (JSON.parse(bytes.toString()) as string[]).map((id) => ({ id, created: 0, ownedBy: 'x' })),
  }),
});

type Play = (listener: AnswerListener) => void;
const reply =
  (status: number, ...chunks: string[]): Play =>
  (listener) => {
    listener.onSent();
    listener.onHead({ status, headers: {} });
    for (const chunk of chunks) listener.onData(Buffer.from(chunk));
    listener.onEnd();
  };

/** Fetches with an upstream that plays the given answers, the last one again and again. */
function rig(plays: readonly Play[], providers: readonly ProviderInstance[] = [provider('one', {}, listing)]) {
  const asked: string[] = [];
  const stored: [string, string[]][] = [];
  const reasons: unknown[] = [];
  let aborted = 0;
  const upstream: Upstream = {
    isLoop: () => false,
    send(from, request, via, listener) {
      asked.push(`${from.name} ${request.method} ${request.path} ${via}`);
      const play = plays[Math.min(asked.length, plays.length) - 1]!;
      queueMicrotask(() => play(listener));
      return { sent: true, abort: () => aborted++, pause() {}, resume() {} };
    },
  };
  const log = Fastify().log;
  vi.spyOn(log, 'debug').mockImplementation(((fields: { reason?: string }) => {
    if (fields.reason !== undefined) reasons.push(fields.reason);
  }) as typeof log.debug);
  const store = (from: ProviderInstance, models: readonly ModelInfo[]) => stored.push([from.name, models.map(({ id }) => id)]);
  const stop = keepFetching(upstream, providers, log, store);
  return { asked, stored, reasons, stop, aborted: () => aborted };
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe('the background fetch of model lists', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
  afterEach(() => void vi.useRealTimers());

  it('does not ask a provider that waits for its first key, and does within a minute of it', async () => {
    const waits = provider('waits', { api_keys: [] }, listing);
    const { asked, stop } = rig([reply(200, '["m"]')], [waits]);
    await pass(60_000);
    expect(asked).toEqual([]);
    useCredentials(waits, [credentialWith(waits.config, 'sk-1', 'first')]);
    await pass(60_000);
    expect(asked).toEqual(['waits GET /v1/models undefined']);
    stop();
  });

  it('asks each provider that has a list once, and stores what it says', async () => {
    const none: ProviderType = providerType({ catalogue: () => null });
    const providers = [
      provider('one', {}, listing),
      provider('off', { catalogue: false }, listing),
      provider('none', {}, none),
      provider('silent'),
      provider('two', {}, listing),
    ];
    const { asked, stored } = rig([reply(200, '["a",', '"b"]')], providers);
    await pass(0);
    expect(asked).toEqual(['one GET /v1/models undefined', 'two GET /v1/models undefined']);
    expect(stored).toEqual([
      ['one', ['a', 'b']],
      ['two', ['a', 'b']],
    ]);
  });

  it('asks again every ten minutes', async () => {
    const { asked } = rig([reply(200, '[]')]);
    await pass(599_999);
    expect(asked).toHaveLength(1);
    await pass(1);
    expect(asked).toHaveLength(2);
  });

  it.each<[string, Play, string]>([
    ['an error status', reply(401, '["a"]'), 'status 401'],
    ['a redirect', reply(302), 'status 302'],
    ['something that is no list', reply(200, '<html>'), 'not a model list'],
    ['a failure of the transport', (listener) => listener.onFailure(failed('connect', 'refused', true)), 'refused'],
    ['a list without end', reply(200, ...Array.from({ length: 9 }, () => 'x'.repeat(1024 * 1024))), 'the list is too large'],
  ])('stores nothing of %s and asks again in a minute', async (_name, play, reason) => {
    const { asked, stored, reasons } = rig([play, reply(200, '["a"]')]);
    await pass(59_999);
    expect(stored).toEqual([]);
    expect(reasons).toEqual([reason]);
    await pass(1);
    expect(asked).toHaveLength(2);
    expect(stored).toEqual([['one', ['a']]]);
  });

  it('gives up on an upstream that does not answer within ten seconds', async () => {
    const { aborted, reasons } = rig([() => {}]);
    await pass(10_000);
    expect(aborted()).toBe(1);
    expect(reasons).toEqual(['no answer in time']);
  });

  it('asks nothing after the stop, not even when an answer comes later', async () => {
    let late: AnswerListener | null = null;
    const { asked, stop } = rig([
      (listener) => {
        late = listener;
      },
    ]);
    await pass(0);
    stop();
    reply(200, '[]')(late!);
    await pass(3_600_000);
    expect(asked).toHaveLength(1);
  });
});

it('does not keep the process alive', async () => {
  const before = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const { stop } = rig([reply(200, '[]')]);
  await sleep(0);
  expect(process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length).toBe(before);
  stop();
});
