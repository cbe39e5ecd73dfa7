import { describe, expect, it } from 'vitest';
import { rig } from './rig.ts';

const refusal = (status: number, message: string, more: object = {}) => ({ status, body: { error: { message } }, ...more });
const hour = 3_600_000;

describe('a prefix the upstream does not take', () => {
  it.each([400, 413, 422])('for %i is not asked for again for an hour, others of the model are', async (status) => {
    const { call, pass, untilKept, untilQuiet, entry, store, app } = await rig();
    store.next.push(refusal(status, 'The cached content is too small.'));
    call('a');
    await untilQuiet();
    expect(entry('a')).toMatchObject({ state: 'rejected', name: null });
    for (let again = 0; again < 5; again++) expect(call('a')).toBe(false);
    call('b');
    await untilKept('b');
    pass(hour - 1);
    call('a');
    await untilQuiet();
    expect(store.creates()).toBe(2);
    pass(1);
    call('a');
    await untilKept('a');
    expect(app.prefixes.counts()).toEqual([expect.objectContaining({ creates: { kept: 2, rejected: 1, failed: 0 } })]);
  });

  it.each([
    ['403', refusal(403, 'Permission denied.')],
    ['404', refusal(404, 'models/m1 is not supported for this.')],
    ['a quota that is 0', { status: 429, body: { error: { message: 'None left.', code: 'insufficient_quota' } } }],
  ])('for %s: no prefix of the model is asked for for an hour', async (_name, answer) => {
    const { call, pass, untilQuiet, untilKept, store, targetOf } = await rig();
    store.next.push(answer);
    call('a');
    await untilQuiet();
    call('a');
    call('b');
    await untilQuiet();
    expect(store.creates()).toBe(1);
    const other = targetOf('up', 'm2');
    call('a', {}, other);
    await untilKept('a', other);
    pass(hour);
    call('b');
    await untilKept('b');
  });
});

describe('a store that fails', () => {
  it.each([
    ['429', refusal(429, 'Slow down.')],
    ['500', refusal(500, 'Oops.')],
    ['503', refusal(503, 'Overloaded.')],
    ['an answer that is none', { status: 200, body: { name: 7 } }],
    ['an answer without a name', { status: 200, body: {} }],
  ])('with %s is left alone for a while, longer each time, and tried again', async (_name, answer) => {
    const { call, pass, untilQuiet, untilKept, store, app } = await rig();
    store.next.push(answer, answer);
    call('a');
    await untilQuiet();
    expect(app.prefixes.list()).toEqual([]);
    pass(4_999);
    call('a');
    call('b');
    pass(1);
    call('a');
    await untilQuiet();
    expect(store.creates()).toBe(2);
    pass(9_999);
    call('a');
    await untilQuiet();
    expect(store.creates()).toBe(2);
    pass(1);
    call('a');
    await untilKept('a');
    expect(store.creates()).toBe(3);
    expect(app.prefixes.counts()).toEqual([expect.objectContaining({ creates: { kept: 1, rejected: 0, failed: 2 } })]);
  });

  it('is left alone as long as it asks for', async () => {
    const { call, pass, untilQuiet, untilKept, store } = await rig();
    store.next.push(refusal(429, 'Slow down.', { headers: { 'retry-after': '90' } }));
    call('a');
    await untilQuiet();
    pass(89_000);
    call('a');
    await untilQuiet();
    expect(store.creates()).toBe(1);
    pass(1_000);
    call('a');
    await untilKept('a');
  });

  it('by not being there is left alone too', async () => {
    const { call, untilQuiet, store, app } = await rig();
    await store.close();
    call('a');
    await untilQuiet();
    expect(app.prefixes.counts()).toEqual([expect.objectContaining({ creates: { kept: 0, rejected: 0, failed: 1 } })]);
  });

  it('by never answering is given up when the process ends', async () => {
    const { call, store, app, rows } = await rig();
    store.next.push('silence');
    call('a');
    await store.upstream.arrived(1);
    const began = performance.now();
    await app.close();
    expect(performance.now() - began).toBeLessThan(3_000);
    expect(rows()).toMatchObject([{ state: 'settled', outcome: 'failed', reason: 'network', usage_source: 'estimated' }]);
  });
});

describe('what is logged', () => {
  it('is never what was in the prefix, though upstreams quote it', async () => {
    const { call, untilQuiet, untilKept, store, logged } = await rig();
    store.next.push(refusal(400, 'This is bad: "the secret prompt"'));
    call('the secret prompt');
    await untilQuiet();
    call('another secret prompt');
    await untilKept('another secret prompt');
    expect(logged).toHaveLength(2);
    expect(logged[0]).toContain('"status":400');
    expect(logged.join()).not.toContain('secret');
  });
});
