import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ask, failureOf } from '../../../plugins/upstream/ask.ts';
import { type AnswerListener, failed, type Upstream } from '../../../plugins/upstream/index.ts';
import type { ProviderInstance } from '../../../providers/provider.ts';

const request = { method: 'GET', path: '/v1/kept', headers: {}, body: null } as const;

/** Asks an upstream that does what it is told. */
function asking() {
  let listener!: AnswerListener;
  const call = { sent: false, abort: vi.fn(), pause() {}, resume() {} };
  const upstream: Upstream = {
    isLoop: () => false,
    send(_provider, _request, _via, given) {
      listener = given;
      return call;
    },
  };
  const { answer, abort } = ask(upstream, {} as ProviderInstance, request, 10_000);
  const outcome = answer.then(
    ({ head, bytes }) => `${head.status} ${bytes}`,
    (error: unknown) => failureOf(error),
  );
  return { listener, call, outcome, abort };
}

describe('a request that no caller waits for', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
  afterEach(() => void vi.useRealTimers());

  it('gives the whole answer, whatever its status', async () => {
    const { listener, outcome, call } = asking();
    listener.onHead({ status: 418, headers: {} });
    for (const part of ['a', 'b']) listener.onData(Buffer.from(part));
    listener.onEnd();
    vi.advanceTimersByTime(20_000);
    expect([await outcome, call.abort.mock.calls.length]).toEqual(['418 ab', 0]);
  });

  it('is given up when it takes too long', async () => {
    const { outcome, call } = asking();
    call.sent = true;
    vi.advanceTimersByTime(9_999);
    expect(call.abort).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(await outcome).toMatchObject({ reason: 'timeout', unsent: false });
    expect(call.abort).toHaveBeenCalled();
  });

  it('that never got out is known to have done nothing', async () => {
    const { outcome } = asking();
    vi.advanceTimersByTime(10_000);
    expect(await outcome).toMatchObject({ reason: 'connect', unsent: true });
  });

  it('is given up when its answer does not end', async () => {
    const { listener, outcome, call } = asking();
    listener.onHead({ status: 200, headers: {} });
    for (let part = 0; part < 5; part++) listener.onData(Buffer.alloc(1024 * 1024));
    expect(await outcome).toMatchObject({ reason: 'protocol' });
    expect(call.abort).toHaveBeenCalled();
  });

  it('fails as the transport does, and when it is told to', async () => {
    const one = asking();
    one.listener.onFailure(failed('network', 'reset'));
    expect(await one.outcome).toMatchObject({ reason: 'network' });
    const other = asking();
    other.abort();
    expect(await other.outcome).toMatchObject({ reason: 'network', unsent: true });
  });
});
