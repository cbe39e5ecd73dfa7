import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { CredentialPool } from '../../../plugins/router/credentials.ts';
import { FixedLimit } from '../../../plugins/router/limits/fixed.ts';
import { Sockets } from '../../../plugins/router/limits/sockets.ts';
import { TargetState } from '../../../plugins/router/target-state.ts';
import { type NotWaiting, type Waiter, WaitingRoom } from '../../../plugins/router/waiting.ts';
import { healthOptions, manualClock, provider } from './targets.ts';

interface Caller extends Waiter {
  /** What became of it: 'in', why not, or 'told' when no target was left; null while it waits. */
  outcome: string | null;
  leave: () => void;
}

interface Asking {
  readonly states?: readonly TargetState[];
  readonly model?: string;
  readonly key?: string;
  readonly max?: number | null;
  readonly ms?: number;
  readonly front?: boolean;
}

function rig(max = 100) {
  const clock = manualClock();
  const out = new Set<TargetState>();
  const usable = (state: TargetState) => !out.has(state);
  const room = new WaitingRoom({ max, usable, now: clock.now });
  const log: string[] = [];

  /** A target that works on `limit` requests, all of them taken. */
  function busy(limit: number): TargetState {
    const state = new TargetState(new CredentialPool(provider('acme'), healthOptions), 0);
    state.limit = new FixedLimit(limit);
    state.inFlight = limit;
    return state;
  }

  function ask(name: string, asking: Asking = {}): Caller {
    const { states = [], model = 'm', key = '', max: own = null, ms = 60_000, front = false } = asking;
    const caller: Caller = {
      states,
      model,
      key,
      outcome: null,
      leave() {},
      ready() {
        const free = states.find((state) => usable(state) && !state.full);
        if (free !== undefined) free.inFlight++;
        this.outcome = free === undefined ? 'told' : 'in';
        log.push(name);
      },
      refused(why: NotWaiting) {
        this.outcome = why;
      },
    };
    const entered = room.enter(caller, { max: own, ms, front });
    if (typeof entered === 'string') caller.outcome = entered;
    else caller.leave = entered;
    return caller;
  }

  async function end(state: TargetState): Promise<void> {
    state.inFlight--;
    state.onRoom?.();
    await turn();
  }

  return { clock, room, out, log, busy, ask, end };
}

describe('calls that wait', () => {
  it('are let in one for one, first come first served, each when there is room for it', async () => {
    const { room, log, busy, ask, end } = rig();
    const state = busy(2);
    for (const name of ['a', 'b', 'c', 'd']) ask(name, { states: [state] });
    expect(room.length(state)).toBe(4);
    await end(state);
    expect(log).toEqual(['a']);
    await end(state);
    await end(state);
    expect(log).toEqual(['a', 'b', 'c']);
    expect([state.inFlight, room.size]).toEqual([2, 1]);
  });

  it('do not take the place of one that ends only to send the same again', async () => {
    const { log, busy, ask } = rig();
    const state = busy(1);
    ask('a', { states: [state] });
    state.inFlight--;
    state.onRoom!();
    state.inFlight++;
    await turn();
    expect([log, state.inFlight]).toEqual([[], 1]);
  });

  it('all come when the limit has grown, as far as it goes', async () => {
    const { log, busy, ask } = rig();
    const state = busy(2);
    for (const name of ['a', 'b', 'c', 'd', 'e']) ask(name, { states: [state] });
    state.limit = new FixedLimit(5);
    state.onRoom!();
    await turn();
    expect([log, state.inFlight]).toEqual([['a', 'b', 'c'], 5]);
  });

  it('are served in turn by model and by key, so that many of one do not keep the others', async () => {
    const { log, busy, ask, end } = rig();
    const state = busy(1);
    for (let count = 0; count < 5; count++) ask(`batch${count}`, { states: [state], model: 'batch' });
    for (let count = 0; count < 2; count++) ask(`chat${count}`, { states: [state], model: 'chat' });
    ask('bob', { states: [state], model: 'batch', key: 'key_bob' });
    for (let count = 0; count < 8; count++) await end(state);
    expect(log).toEqual(['batch0', 'chat0', 'bob', 'batch1', 'chat1', 'batch2', 'batch3', 'batch4']);
  });

  it('wait for any of several targets and leave the others when one has room', async () => {
    const { room, busy, ask, end } = rig();
    const [a, b] = [busy(1), busy(1)];
    const caller = ask('x', { states: [a, b] });
    await end(b);
    expect([caller.outcome, a.inFlight, b.inFlight, room.length(a), room.length(b), room.size]).toEqual(['in', 1, 1, 0, 0, 0]);
  });

  it('come first again when they were called in vain, and the others are called all the same', async () => {
    const { room, busy, end, log, ask } = rig();
    const state = busy(1);
    let calls = 0;
    const picky: Waiter = {
      states: [state],
      model: 'm',
      key: '',
      ready() {
        calls++;
        log.push('picky');
        if (calls < 3) room.enter(picky, { max: null, ms: 60_000, front: true });
        else state.inFlight++;
      },
      refused() {},
    };
    room.enter(picky, { max: null, ms: 60_000, front: false });
    ask('next', { states: [state] });
    await end(state);
    expect(log).toEqual(['picky', 'next']);
    await end(state);
    await end(state);
    expect(log).toEqual(['picky', 'next', 'picky', 'picky']);
  });

  it('leave without a trace', async () => {
    const { room, log, busy, ask, end } = rig();
    const state = busy(1);
    const [first, , third] = ['a', 'b', 'c'].map((name) => ask(name, { states: [state] }));
    first!.leave();
    third!.leave();
    third!.leave();
    expect(room.size).toBe(1);
    await end(state);
    await end(state);
    expect([log, room.size, room.length(state)]).toEqual([['b'], 0, 0]);
  });

  it('are refused at their deadline', async () => {
    vi.useFakeTimers();
    try {
      const { room, busy, ask } = rig();
      const caller = ask('a', { states: [busy(1)], ms: 200 });
      vi.advanceTimersByTime(199);
      expect(caller.outcome).toBeNull();
      vi.advanceTimersByTime(1);
      expect([caller.outcome, room.size, room.counts.expired, vi.getTimerCount() <= 1]).toEqual(['expired', 0, 1, true]);
      vi.advanceTimersByTime(50);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('U18: calls that wait for targets that go out of use', () => {
  it('are told at once when none of theirs is left, and wait on when one is', async () => {
    const { out, busy, ask, end } = rig();
    const [a, b] = [busy(5), busy(5)];
    const [only, both] = [ask('only', { states: [a] }), ask('both', { states: [a, b] })];
    out.add(a);
    await end(a);
    expect([only.outcome, both.outcome]).toEqual(['told', null]);
    out.add(b);
    await end(b);
    expect(both.outcome).toBe('told');
  });

  it('are told also while the target is still at its limit', async () => {
    const { out, busy, ask } = rig();
    const state = busy(1);
    const caller = ask('a', { states: [state] });
    out.add(state);
    state.onRoom!();
    await turn();
    expect([caller.outcome, state.full]).toEqual(['told', true]);
  });

  it('are let in within 60 ms where one comes back without any request ending there', async () => {
    const { out, busy, ask } = rig();
    const [a, b] = [busy(1), busy(1)];
    b.inFlight = 0;
    out.add(b);
    const callers = ['x', 'y'].map((name) => ask(name, { states: [a, b] }));
    out.delete(b);
    await expect.poll(() => callers.map(({ outcome }) => outcome), { timeout: 1_000, interval: 5 }).toEqual(['in', null]);
    expect(b.inFlight).toBe(1);
  });
});

describe('the bounds of the queue', () => {
  it('are those of all calls and those of a model', () => {
    const { busy, ask, room } = rig(3);
    const state = busy(1);
    const of = (model: string, max: number | null) => ask('x', { states: [state], model, max }).outcome;
    expect([of('a', 1), of('a', 1), of('b', null), of('c', null), of('d', null)]).toEqual([null, 'full', null, null, 'full']);
    expect(ask('x', { states: [state], max: 0 }).outcome).toBe('full');
    expect([room.size, room.counts.full, room.refused]).toEqual([3, 3, 3]);
  });

  it('a key that fills the queue gives its newest places to the others, up to their even share', () => {
    const { busy, ask, room } = rig(9);
    const state = busy(1);
    const loud = Array.from({ length: 12 }, (_, at) => ask(`loud${at}`, { states: [state], key: 'loud' }));
    expect(loud.filter(({ outcome }) => outcome === null)).toHaveLength(9);
    const quiet = ['b', 'c'].flatMap((key) => Array.from({ length: 5 }, () => ask(key, { states: [state], key })));
    const waits = (key: string) => [...loud, ...quiet].filter((each) => each.key === key && each.outcome === null).length;
    expect([waits('loud'), waits('b'), waits('c')]).toEqual([3, 3, 3]);
    expect(loud.map(({ outcome }) => outcome).slice(0, 3)).toEqual([null, null, null]);
    expect([room.size, room.counts.displaced]).toEqual([9, 7]);
  });

  it('who may not stay drives nobody out: a model whose own queue is full leaves the places of others alone', () => {
    const { room, busy, ask } = rig(4);
    const states = [busy(1)];
    for (let count = 0; count < 3; count++) ask(`a${count}`, { states, key: 'a' });
    ask('b0', { states, key: 'b', model: 'batch', max: 1 });
    for (let count = 1; count < 20; count++)
      expect(ask(`b${count}`, { states, key: 'b', model: 'batch', max: 1 }).outcome).toBe('full');
    expect([room.size, room.counts.displaced]).toEqual([4, 0]);
  });

  it('refuse at once who would not be called in time, by how fast others are', async () => {
    const { clock, busy, ask, end } = rig(1_000);
    const state = busy(1);
    for (let count = 0; count < 60; count++) ask('x', { states: [state] });
    for (let count = 0; count < 30; count++) {
      clock.pass(100);
      await end(state);
    }
    // 30 wait, ten a second are let in.
    expect(ask('x', { states: [state], ms: 2_000 }).outcome).toBe('hopeless');
    expect(ask('x', { states: [state], ms: 4_000 }).outcome).toBeNull();
    expect(ask('x', { states: [state], ms: 2_000, front: true }).outcome).toBeNull();
    expect(ask('x', { states: [state], ms: 2_000, model: 'other' }).outcome).toBeNull();
  });
});

describe('the sockets of a provider', () => {
  it('that are all in use make its other targets wait too, and one that is free lets one of them in', async () => {
    const { busy, ask } = rig();
    const sockets = new Sockets(provider('two', { connections: 2 }));
    const [a, b] = [busy(9), busy(9)];
    for (const state of [a, b]) {
      state.sockets = sockets;
      state.limit = null;
      state.inFlight = 1;
      sockets.inFlight++;
    }
    const [x, y] = [ask('x', { states: [b] }), ask('y', { states: [b] })];
    ask('z', { states: [a] }).leave();
    a.inFlight--;
    sockets.inFlight--;
    a.onRoom!();
    x.ready = () => {
      x.outcome = 'in';
      sockets.inFlight++;
    };
    await turn();
    expect([x.outcome, y.outcome]).toEqual(['in', null]);
  });
});

describe('many calls that wait', () => {
  it('cost the same each: 20,000 as 200', { retry: 2 }, async () => {
    const perCall = async (count: number): Promise<number> => {
      const { room, busy, ask, end } = rig(count);
      const state = busy(1);
      const other = busy(1);
      const began = process.cpuUsage();
      const callers = Array.from({ length: count }, (_, at) => ask('x', { states: [state, other], model: `m${at % 7}` }));
      for (let at = 1; at < count; at += 2) callers[at]!.leave();
      for (let left = count / 2; left > 0; left--) {
        state.inFlight--;
        state.onRoom!();
        if (left % 10 === 0) await turn();
      }
      for (let guard = 0; room.size > 0 && guard < count; guard++) await end(state);
      const used = process.cpuUsage(began);
      return (used.user + used.system) / count;
    };
    const few = Math.max(await perCall(200), 20);
    expect(await perCall(20_000)).toBeLessThan(few * 8);
  });
});
