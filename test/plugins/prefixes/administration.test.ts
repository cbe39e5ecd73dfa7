import { describe, expect, it } from 'vitest';
import { UpstreamRefusal } from '../../../plugins/prefixes/index.ts';
import { forgetfulType } from '../../fixtures/caching/dialect.ts';
import { rig, until } from './rig.ts';

const kept = (name: string) => ({ name, model: 'm1', tokens: 5, createdAt: 1, expiresAt: 2 });

describe('what the upstream keeps', () => {
  it('is listed page by page, whoever made it', async () => {
    const { call, untilKept, store, app } = await rig();
    for (let one = 0; one < 6; one++) store.kept.set(`theirs/${one}`, kept(`theirs/${one}`));
    call('a');
    await untilKept('a');
    store.pageSize(3);
    const listed = await app.prefixes.keptBy('up');
    expect(listed!.map(({ name }) => name)).toEqual([...store.kept.keys()]);
    expect([listed!.length, store.pages()]).toEqual([7, 3]);
  });

  it('is listed within bounds, however many pages it names', async () => {
    const { store, app } = await rig();
    const page = { status: 200, body: { prefixes: Array.from({ length: 700 }, () => kept('x')), next: 'on' } };
    store.next.push(...Array.from({ length: 100 }, (_, at) => ({ ...page, body: { ...page.body, next: `${at}` } })));
    expect(await app.prefixes.keptBy('up')).toHaveLength(5_000);
    expect(store.pages()).toBe(8);
    store.next.length = 0;
    store.next.push(...Array.from({ length: 100 }, (_, at) => ({ status: 200, body: { prefixes: [], next: `${at}` } })));
    await app.prefixes.keptBy('up');
    expect(store.pages()).toBe(58);
  });

  it('is listed once where a page names itself', async () => {
    const { store, app } = await rig();
    store.next.push(...Array.from({ length: 3 }, () => ({ status: 200, body: { prefixes: [kept('x')], next: 'same' } })));
    expect(await app.prefixes.keptBy('up')).toHaveLength(2);
  });

  it('is null for a provider that keeps nothing, or is none', async () => {
    const { app } = await rig({ type: forgetfulType });
    expect([await app.prefixes.keptBy('up'), await app.prefixes.keptBy('no')]).toEqual([null, null]);
    expect([await app.prefixes.remove('up', 'x'), await app.prefixes.remove('no', 'x')]).toEqual([false, false]);
  });

  it('cannot be told when the upstream refuses', async () => {
    const { store, app } = await rig();
    store.next.push({ status: 500, body: {} });
    await expect(app.prefixes.keptBy('up')).rejects.toBeInstanceOf(UpstreamRefusal);
  });
});

describe('removing one', () => {
  it.each(['digest', 'name'] as const)('of ours works by its %s, here and upstream', async (by) => {
    const { call, untilKept, store, app } = await rig();
    call('a');
    const entry = await untilKept('a');
    expect(await app.prefixes.remove('up', entry[by]!)).toBe(true);
    expect([store.kept.size, app.prefixes.list()]).toEqual([0, []]);
    expect(call('a')).toBe(false);
    await untilKept('a');
  });

  it('that the upstream does not have any more works here', async () => {
    const { call, untilKept, store, app } = await rig();
    call('a');
    const { digest } = await untilKept('a');
    store.kept.clear();
    expect(await app.prefixes.remove('up', digest)).toBe(true);
    expect(app.prefixes.list()).toEqual([]);
  });

  it('that others made works by its name', async () => {
    const { store, app } = await rig();
    store.kept.set('theirs/1', kept('theirs/1'));
    expect(await app.prefixes.remove('up', 'theirs/1')).toBe(true);
    expect(store.kept.size).toBe(0);
    expect(await app.prefixes.remove('up', 'theirs/1')).toBe(false);
  });

  it('of an unknown digest asks nobody', async () => {
    const { store, app } = await rig();
    expect(await app.prefixes.remove('up', 'a'.repeat(64))).toBe(false);
    expect(store.removals()).toBe(0);
  });

  it('leaves it where the upstream refuses', async () => {
    const { call, untilKept, store, app } = await rig();
    call('a');
    const { digest } = await untilKept('a');
    store.next.push({ status: 403, body: { error: { message: 'not yours' } } });
    await expect(app.prefixes.remove('up', digest)).rejects.toBeInstanceOf(UpstreamRefusal);
    expect(app.prefixes.list()).toHaveLength(1);
    store.next.push({ status: 403, body: { error: { message: 'not yours, or gone', code: 'gone' } } });
    expect(await app.prefixes.remove('up', digest)).toBe(true);
  });

  it('that is being created removes it once it is there', async () => {
    const { call, entry, store, app, rows } = await rig();
    const release = store.hold();
    call('a');
    await store.upstream.arrived(1);
    expect(await app.prefixes.remove('up', entry('a')!.digest)).toBe(true);
    release();
    await until(() => expect(store.removals()).toBe(1));
    expect([store.kept.size, app.prefixes.list(), rows().length]).toEqual([0, [], 1]);
  });
});
