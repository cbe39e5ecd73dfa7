import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Fastify from 'fastify';
import fp from 'fastify-plugin';
import { vi } from 'vitest';
import prefixes, { type PrefixEntry } from '../../../plugins/prefixes/index.ts';
import type { RouterCore } from '../../../plugins/router/index.ts';
import upstream from '../../../plugins/upstream/index.ts';
import usage, { type SettledCost } from '../../../plugins/usage/index.ts';
import { createInstance } from '../../../providers/instance.ts';
import type { ProviderInstance, ProviderType, Target } from '../../../providers/provider.ts';
import type { Config, ProviderConfig } from '../../../schemas/config.ts';
import { cachingType, callWith, type PrefixChanges } from '../../fixtures/caching/dialect.ts';
import { startKeeping } from '../../fixtures/caching/upstream.ts';
import { opened, whenDone } from '../../helper/cleanup.ts';
import { type LedgerRow, readLedger } from '../../helper/ledger.ts';

/** Tries until it does not throw any more; 5 s at most, for machines that are busy. */
export const until = <T>(check: () => T | Promise<T>): Promise<T> => vi.waitFor(check, { timeout: 5_000, interval: 5 });

export interface RigOptions {
  readonly type?: ProviderType;
  readonly cache?: ProviderConfig['context_cache'];
  readonly keys?: ProviderConfig['api_keys'];
  readonly prices?: Config['prices'];
}

const minute = 60_000;

/** The plugin with the real upstream and usage plugins, one provider `up` that keeps prefixes, and a clock that is moved by hand. */
export async function rig(options: RigOptions = {}) {
  const clock = { at: Date.UTC(2026, 10, 22) };
  const store = opened(await startKeeping(() => clock.at));
  const type = options.type ?? cachingType;
  const instance = (name: string): ProviderInstance =>
    createInstance(
      name,
      {
        type: type.type,
        base_url: store.url,
        ...(options.cache === undefined ? {} : { context_cache: options.cache }),
        ...(options.keys === undefined ? {} : { api_keys: options.keys }),
      },
      type,
    );
  const providers = new Map([
    ['up', instance('up')],
    ['other', instance('other')],
  ]);
  const dataDir = mkdtempSync(join(tmpdir(), 'postern-prefixes-'));
  whenDone(() => rmSync(dataDir, { recursive: true, force: true }));
  const logged: string[] = [];
  const note = (fields: unknown, message?: string) => void logged.push(`${JSON.stringify(fields)} ${message}`);
  const spent: [string, SettledCost][] = [];
  const app = opened(Fastify());
  await app.register(usage, { dataDir, fsync: 'normal', prices: options.prices ?? {}, version: 'c1' });
  await app.register(upstream, { connectTimeout: () => 1_000 });
  await app.register(
    fp(async (inner) => void inner.decorate('router', { providers } as unknown as RouterCore), { name: 'router' }),
  );
  const before = new Set(Object.keys(app));
  await app.register(prefixes, {
    configVersion: 'c1',
    now: () => clock.at,
    log: { debug: note, warn: note },
    onSpent: (provider, cost) => void spent.push([provider, cost]),
  });
  await app.ready();
  const targetOf = (provider: string, model: string): Target => {
    return { id: `${provider}/${model}`, provider: providers.get(provider)!, model, weight: 1 };
  };
  const target = targetOf('up', 'm1');
  let calls = 0;

  /** One call that begins with `text`: what was sent for it. */
  function choose(text: string, changes: PrefixChanges = {}, of: Target = target, key = of.provider.credentials[0]!) {
    return app.prefixes.choose(of, key, callWith(of, text, changes), { id: `ex_${++calls}`, keyId: 'key_a', team: null });
  }

  /** The same, answered when it refers to a kept prefix; whether it did. */
  function call(text: string, changes: PrefixChanges = {}, of: Target = target, key = of.provider.credentials[0]!): boolean {
    const { digest } = choose(text, changes, of, key);
    if (digest !== null) app.prefixes.used(of, key, digest, 8_000);
    return digest !== null;
  }

  const entry = (text: string, of: Target = target): PrefixEntry | undefined =>
    app.prefixes.list().find(({ digest }) => digest === callWith(of, text).prefix!.digest);

  return {
    app,
    store,
    target,
    targetOf,
    logged,
    spent,
    minute,
    added: Object.keys(app).filter((name) => !before.has(name)),
    pass: (ms: number) => {
      clock.at += ms;
    },
    choose,
    call,
    entry,
    /** Waits until the upstream keeps it. */
    untilKept: (text: string, of: Target = target): Promise<PrefixEntry> =>
      until(() => {
        const found = entry(text, of);
        if (found?.state !== 'kept' || app.usage.openCount() > 0) throw new Error(`It is ${found?.state ?? 'unknown'}.`);
        return found;
      }),
    /** Waits until nothing is being created. */
    untilQuiet: (): Promise<void> =>
      until(() => {
        if (app.prefixes.list().some(({ state }) => state === 'creating')) throw new Error('One is being created.');
        if (app.usage.openCount() > 0) throw new Error('A row is open.');
      }),
    rows: (): LedgerRow[] => readLedger(dataDir),
  };
}
