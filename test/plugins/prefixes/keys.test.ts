import { describe, expect, it } from 'vitest';
import { rig, until } from './rig.ts';

const keys = [
  { key: 'sk-a', name: 'a' },
  { key: 'sk-b', name: 'b' },
];

describe('with several keys of one provider a prefix', () => {
  it('is referred to only by requests with the key that it is kept for', async () => {
    const { call, target, untilKept, untilQuiet, store, app } = await rig({ keys });
    const [a, b] = target.provider.credentials;
    call('x', {}, target, a);
    await untilKept('x');
    expect(call('x', {}, target, a)).toBe(true);
    expect(call('x', {}, target, b)).toBe(false);
    await untilQuiet();
    expect(call('x', {}, target, b)).toBe(true);
    expect(app.prefixes.list().map(({ credential, hits }) => [credential, hits])).toEqual([
      ['a', 1],
      ['b', 1],
    ]);
    // Asked for by the key of the call.
    const made = store.upstream.calls.filter(({ method }) => method === 'POST').map(({ headers }) => headers.authorization);
    expect(made).toEqual(['Bearer sk-a', 'Bearer sk-b']);
  });

  it('that is lost to one key stays with the other', async () => {
    const { call, choose, target, untilKept, untilQuiet, store, app } = await rig({ keys });
    const [a, b] = target.provider.credentials;
    call('x', {}, target, a);
    const { digest } = await untilKept('x');
    call('x', {}, target, b);
    await untilQuiet();
    app.prefixes.lost(target, b!, digest);
    expect(choose('x', {}, target, b).digest).toBeNull();
    expect(choose('x', {}, target, a).digest).toBe(digest);
    await until(() => expect(store.removals()).toBe(1));
    const removal = store.upstream.calls.find(({ method }) => method === 'DELETE')!;
    expect(removal.headers.authorization).toBe('Bearer sk-b');
  });

  it('shares the places of the provider, and is counted with it', async () => {
    const { call, target, untilQuiet, app } = await rig({ keys, cache: { max_entries: 2 } });
    const [a] = target.provider.credentials;
    call('x', {}, target, a);
    call('y', {}, target, a);
    await untilQuiet();
    expect(app.prefixes.list()).toHaveLength(1);
    expect(app.prefixes.counts()).toEqual([
      expect.objectContaining({ provider: 'up', creates: { kept: 1, rejected: 0, failed: 0 } }),
    ]);
  });

  it('is removed by its digest for every key', async () => {
    const { call, target, untilKept, untilQuiet, store, app } = await rig({ keys });
    const [a, b] = target.provider.credentials;
    call('x', {}, target, a);
    const { digest } = await untilKept('x');
    call('x', {}, target, b);
    await untilQuiet();
    expect(await app.prefixes.remove('up', digest)).toBe(true);
    expect(app.prefixes.list()).toEqual([]);
    expect(store.removals()).toBe(2);
    expect(await app.prefixes.remove('up', digest)).toBe(false);
  });
});
