import { describe, expect, it, vi } from 'vitest';
import { callWith, forgetfulType } from '../../fixtures/caching/dialect.ts';
import { intent } from '../usage/sample.ts';
import { rig, until } from './rig.ts';

const bodyOf = (request: { body: Buffer | null }) => JSON.parse(String(request.body));

describe('the prefixes plugin', () => {
  it('adds exactly the decorator prefixes to what it depends on', async () => {
    expect((await rig()).added).toEqual(['prefixes']);
  });

  it('leaves a call without a prefix, or of a type that keeps none, as it is', async () => {
    const one = await rig();
    const { request } = callWith(one.target, 'a');
    expect(
      one.app.prefixes.choose(one.target, one.target.provider.credentials[0]!, { request } as never, {
        id: 'ex',
        keyId: null,
        team: null,
      }),
    ).toEqual({
      request,
      digest: null,
    });
    const none = await rig({ type: forgetfulType });
    expect([none.call('a'), none.call('a'), none.app.prefixes.list()]).toEqual([false, false, []]);
  });
});

describe('a marked prefix', () => {
  it('is asked for by the first call, which goes out at once without it, and used by those that follow', async () => {
    const { choose, untilKept, store, app, target } = await rig();
    const release = store.hold();
    const first = choose('a');
    expect([bodyOf(first.request), first.digest]).toEqual([{ text: 'a' }, null]);
    await store.upstream.arrived(1);
    expect(choose('a').digest).toBeNull();
    release();
    const { name, digest } = await untilKept('a');
    const next = choose('a');
    expect([bodyOf(next.request), next.digest]).toEqual([{ kept: name }, digest]);
    app.prefixes.used(target, target.provider.credentials[0]!, digest, 8_100);
    expect(app.prefixes.list()).toEqual([expect.objectContaining({ hits: 1, tokensSaved: 8_100, tokens: 8_192 })]);
    expect(store.creates()).toBe(1);
  });

  it('is asked for behind the call itself, whose row is committed with its own', async () => {
    const { choose, app, target, store } = await rig();
    const order: string[] = [];
    const { send } = app.upstream;
    vi.spyOn(app.upstream, 'send').mockImplementation((...given) => {
      order.push('creation');
      return send(...given);
    });
    choose('a');
    await app.usage.open(intent({ provider: 'up' }), target).committed;
    order.push('call');
    await store.upstream.arrived(1);
    expect(order).toEqual(['call', 'creation']);
  });

  it('is asked for once by 50 calls at the same time', async () => {
    const { choose, untilKept, store } = await rig();
    for (let call = 0; call < 50; call++) choose('a');
    await untilKept('a');
    expect(store.creates()).toBe(1);
  });

  it('is not asked for where the upstream would refuse it as too small', async () => {
    const { call, app, store } = await rig();
    call('a', { tokens: 999 });
    expect([app.prefixes.list(), store.creates()]).toEqual([[], 0]);
  });

  it('of one model or provider is not used for another', async () => {
    const one = await rig();
    one.call('a');
    await one.untilKept('a');
    expect(one.call('a', {}, one.targetOf('up', 'm2'))).toBe(false);
    expect(one.call('a', {}, one.targetOf('other', 'm1'))).toBe(false);
    await one.untilQuiet();
    expect(one.store.creates()).toBe(3);
    expect(one.app.prefixes.list().map(({ provider, model }) => `${provider}/${model}`)).toEqual(['up/m1', 'up/m2', 'other/m1']);
  });

  it('that cannot be referred to leaves the call as it is, and is given up', async () => {
    const { choose, untilKept, store, entry, logged } = await rig();
    choose('a');
    await untilKept('a');
    const broken = () => {
      throw new RangeError('too deep');
    };
    expect(bodyOf(choose('a', { using: broken }).request)).toEqual({ text: 'a' });
    expect(entry('a')).toMatchObject({ state: 'rejected' });
    await until(() => expect(store.kept.size).toBe(0));
    expect(logged.join()).not.toContain('too deep');
  });
});

describe('an automatic prefix', () => {
  const auto = { wanted: 'auto' } as const;

  it('is asked for when it is seen again', async () => {
    const { call, untilKept, store, app } = await rig();
    call('a', auto);
    call('b', auto);
    expect(app.prefixes.list()).toEqual([]);
    call('a', auto);
    await untilKept('a');
    expect(call('a', auto)).toBe(true);
    expect(store.creates()).toBe(1);
  });

  it('is not asked for when it comes again later than it would be kept', async () => {
    const { call, pass, app, minute } = await rig();
    call('a', auto);
    pass(5 * minute + 1);
    call('a', auto);
    expect(app.prefixes.list()).toEqual([]);
    pass(5 * minute);
    call('a', auto);
    expect(app.prefixes.list()).toHaveLength(1);
  });

  it('that has ended is asked for by the next call, if its last use is not longer ago than it would be kept', async () => {
    const { call, pass, untilKept, store, minute } = await rig();
    call('a', auto);
    call('a', auto);
    await untilKept('a');
    pass(4 * minute);
    expect(call('a', auto)).toBe(true);
    pass(4 * minute);
    expect(call('a', auto)).toBe(false);
    await untilKept('a');
    expect(store.creates()).toBe(2);
  });
});

describe('the end of a kept prefix', () => {
  it('is its own time, some seconds early; then it is asked for again', async () => {
    const { call, pass, untilKept, store, minute } = await rig();
    call('a');
    const { createdAt, expiresAt } = await untilKept('a');
    expect(expiresAt - createdAt).toBe(5 * minute);
    pass(5 * minute - 10_001);
    expect(call('a')).toBe(true);
    pass(2);
    expect(call('a')).toBe(false);
    await untilKept('a');
    expect(store.creates()).toBe(2);
  });

  it('is told by the upstream`s own clock, which may be wrong', async () => {
    const { call, choose, pass, untilKept, store, minute } = await rig();
    const hour = 60 * minute;
    store.next.push({
      status: 200,
      body: { name: 'n1', model: 'm1', tokens: 9, createdAt: 5 * hour, expiresAt: 5 * hour + minute },
    });
    choose('a');
    const { createdAt, expiresAt } = await untilKept('a');
    expect(expiresAt - createdAt).toBe(minute);
    pass(minute - 11_000);
    expect(call('a')).toBe(true);
  });

  it.each([
    { createdAt: 0, expiresAt: 0 },
    { createdAt: 5, expiresAt: 4 },
    { createdAt: 1, expiresAt: Number.MAX_VALUE },
    { createdAt: 'x', expiresAt: null },
  ])('is what was asked for when the upstream says %j', async (said) => {
    const { choose, untilKept, store, minute } = await rig();
    store.next.push({ status: 200, body: { name: 'n1', model: 'm1', tokens: 'many', ...said } });
    choose('a');
    const { createdAt, expiresAt, tokens } = await untilKept('a');
    expect([expiresAt - createdAt, tokens]).toEqual([5 * minute, 8_000]);
  });

  it('comes early for one that is lost: it is dropped here and there, and rests before it is asked for again', async () => {
    const { call, choose, pass, untilKept, untilQuiet, store, app, target, entry } = await rig();
    call('a');
    const { digest } = await untilKept('a');
    expect(choose('a').digest).toBe(digest);
    app.prefixes.lost(target, target.provider.credentials[0]!, digest);
    app.prefixes.lost(target, target.provider.credentials[0]!, digest);
    expect(entry('a')).toMatchObject({ state: 'rejected', hits: 0 });
    await until(() => expect(store.removals()).toBe(1));
    pass(29_000);
    expect(call('a')).toBe(false);
    expect(store.creates()).toBe(1);
    pass(2_000);
    call('a');
    await untilKept('a');
    // And longer each time.
    app.prefixes.lost(target, target.provider.credentials[0]!, digest);
    pass(119_000);
    call('a');
    await untilQuiet();
    expect(store.creates()).toBe(2);
    pass(2_000);
    call('a');
    await untilKept('a');
    expect(app.prefixes.counts()).toEqual([expect.objectContaining({ lost: 2, hits: 0 })]);
  });

  it('is not brought about by the process: nothing is removed when it ends', async () => {
    const { call, untilKept, store, app } = await rig();
    call('a');
    await untilKept('a');
    await app.close();
    expect([store.kept.size, store.removals()]).toEqual([1, 0]);
  });
});

describe('how many are kept', () => {
  it('is bounded: the one used longest ago goes, upstream too', async () => {
    const { call, pass, untilKept, store, app, minute } = await rig({ cache: { max_entries: 2 } });
    const long = { ttlMs: 60 * minute };
    call('a', long);
    await untilKept('a');
    call('b', long);
    await untilKept('b');
    pass(2 * minute);
    call('a', long);
    pass(2 * minute);
    call('c', long);
    await untilKept('c');
    await until(() => expect(store.removals()).toBe(1));
    expect(app.prefixes.list().map(({ name }) => name)).toEqual(['kept/0', 'kept/2']);
    expect([...store.kept.keys()]).toEqual(['kept/0', 'kept/2']);
  });

  it('is not exceeded for more of them than there are places: those in use stay', async () => {
    const { call, pass, untilKept, untilQuiet, store, minute } = await rig({ cache: { max_entries: 2 } });
    call('a');
    call('b');
    await untilKept('a');
    await untilKept('b');
    pass(minute - 1_000);
    for (const text of ['c', 'd', 'c', 'd']) call(text);
    await untilQuiet();
    expect([store.creates(), store.kept.size]).toEqual([2, 2]);
    // Those that have ended leave their places.
    pass(5 * minute);
    call('c');
    await untilKept('c');
    expect(store.removals()).toBe(0);
  });

  it('of creations at the same time is bounded', async () => {
    const { call, store, untilQuiet } = await rig();
    const release = store.hold();
    for (let one = 0; one < 20; one++) call(`prompt ${one}`);
    await store.upstream.arrived(8);
    release();
    await untilQuiet();
    expect(store.creates()).toBe(8);
  });
});
