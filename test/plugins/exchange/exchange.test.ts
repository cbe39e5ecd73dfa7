import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anonymous, type CancelReason, Exchange } from '../../../plugins/exchange/index.ts';
import type { Config } from '../../../schemas/config.ts';

function make() {
  const settled: Exchange[] = [];
  const exchange = new Exchange('ex_1', 'mine', 'chat', {} as Config, 10, 1_790_000_000_000, (each) => settled.push(each));
  return { exchange, settled };
}

describe('settling', () => {
  it('happens once, when the response has closed', () => {
    const { exchange, settled } = make();
    expect(exchange.settled).toBe(false);
    exchange.close(42);
    exchange.close(99);
    expect([settled, exchange.settled, exchange.endedAt]).toEqual([[exchange], true, 42]);
  });

  it('waits for everything that holds it', () => {
    const { exchange, settled } = make();
    exchange.hold();
    exchange.hold();
    exchange.close(42);
    exchange.release();
    expect(settled).toEqual([]);
    exchange.release();
    expect(settled).toEqual([exchange]);
  });

  it('waits for the response when everything else is done', () => {
    const { exchange, settled } = make();
    exchange.hold();
    exchange.release();
    expect(settled).toEqual([]);
    exchange.close(42);
    expect(settled).toHaveLength(1);
  });

  it('happens exactly once in any order of holds, releases, cancels and closes', () => {
    const step = fc.constantFrom<'hold' | 'release' | 'close' | 'cancel'>('hold', 'release', 'close', 'cancel');
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { exchange, settled } = make();
        let held = 0;
        for (const each of steps) {
          if (each === 'hold' && !exchange.settled) {
            exchange.hold();
            held++;
          } else if (each === 'release' && held > 0) {
            held--;
            exchange.release();
          } else if (each === 'close') exchange.close(1);
          else if (each === 'cancel') exchange.cancel('deadline');
          expect(settled.length).toBe(exchange.settled ? 1 : 0);
          if (held > 0) expect(exchange.settled).toBe(false);
        }
        exchange.close(1);
        for (; held > 0; held--) exchange.release();
        expect(settled).toEqual([exchange]);
      }),
    );
  });
});

describe('cancelling', () => {
  it('tells the one who works on it, once; the first reason stays', () => {
    const { exchange } = make();
    const heard: CancelReason[] = [];
    exchange.onCancel = (reason) => heard.push(reason);
    exchange.cancel('client_closed');
    exchange.cancel('deadline');
    expect([heard, exchange.cancelled]).toEqual([['client_closed'], 'client_closed']);
  });

  it('tells only the last listener', () => {
    const { exchange } = make();
    const heard: string[] = [];
    exchange.onCancel = () => heard.push('first');
    exchange.onCancel = () => heard.push('second');
    exchange.cancel('deadline');
    expect(heard).toEqual(['second']);
  });

  it('tells a listener that comes later at once', () => {
    const { exchange } = make();
    exchange.cancel('shutdown');
    const heard: CancelReason[] = [];
    exchange.onCancel = (reason) => heard.push(reason);
    expect(heard).toEqual(['shutdown']);
  });

  it('tells nobody who has taken himself off', () => {
    const { exchange } = make();
    const heard: CancelReason[] = [];
    exchange.onCancel = (reason) => heard.push(reason);
    exchange.onCancel = null;
    exchange.cancel('deadline');
    expect([heard, exchange.cancelled]).toEqual([[], 'deadline']);
  });

  it('does nothing after the settle', () => {
    const { exchange } = make();
    const heard: CancelReason[] = [];
    exchange.onCancel = (reason) => heard.push(reason);
    exchange.close(1);
    exchange.cancel('deadline');
    expect([heard, exchange.cancelled]).toEqual([[], null]);
  });

  it('does not settle by itself', () => {
    const { exchange, settled } = make();
    exchange.cancel('client_closed');
    expect(settled).toEqual([]);
  });
});

it('begins as nobody in particular, with nothing asked and nothing spent', () => {
  const { exchange } = make();
  expect(exchange).toMatchObject({
    principal: anonymous,
    attempts: 0,
    outcome: 'ok',
    reason: null,
    usageSource: 'none',
    costNano: 0,
  });
  expect(Object.isFrozen(anonymous)).toBe(true);
});
