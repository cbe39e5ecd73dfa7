import type { RuleStanding } from '../../plugins/limits/index.ts';
import { opened } from './cleanup.ts';
import { open, ask as request } from './client.ts';
import { startGateway, type TestGateway } from './gateway.ts';
import { ask, neverOpen, provider } from './overlay.ts';
import { type Script, startUpstream, type Upstream } from './upstream.ts';

// A gateway with keys that limits hold for, in front of scripted upstreams.

/** The secret of the key with this name. */
export const secretOf = (name: string): string => `${name}-kR8vQ2mN5tX9wB3cF7hJ`;
export const bearer = (name: string): Record<string, string> => ({ authorization: `Bearer ${secretOf(name)}` });

/** USD per million: 11 tokens in and 3 out, as the scripted answers say, cost 17,000 nano-USD. */
export const prices = { 'a/up-1': { input: 1, output: 2 }, 'b/up-1': { input: 1, output: 2 } };
export const nanoOfOne = 17_000;

export interface LimitedOptions {
  /** Settings of keys by name. */
  readonly keys: Readonly<Record<string, object>>;
  /** By provider, in the order of preference: `a`, `b`, … */
  readonly scripts: readonly Script[];
  readonly models?: object;
  readonly overlay?: object;
  readonly dataDir?: string;
}

export interface Limited {
  readonly gateway: TestGateway;
  readonly upstreams: readonly Upstream[];
  /** A small chat request with the key of this name. */
  call(name: string, extra?: object): ReturnType<typeof request>;
  /** The same on a connection that is still to be read. */
  begin(name: string, extra?: object): Promise<Awaited<ReturnType<typeof open>>>;
  /** Where the rules of a key stand. */
  standing(name: string): Promise<readonly RuleStanding[]>;
  /** Resolves once no call holds anything. */
  quiet(): Promise<void>;
}

export async function startLimited({ keys, scripts, models = {}, overlay = {}, dataDir }: LimitedOptions): Promise<Limited> {
  const upstreams: Upstream[] = [];
  for (const script of scripts) upstreams.push(opened(await startUpstream(script)));
  const names = [...'abcd'].slice(0, upstreams.length);
  const gateway = await startGateway({
    env: dataDir === undefined ? {} : { DATA_DIR: dataDir },
    overlay: {
      providers: Object.fromEntries(names.map((name, at) => [name, provider(upstreams[at]!.url)])),
      models: {
        m: { strategy: 'priority', targets: names.map((name) => ({ provider: name, model: 'up-1' })) },
        ...models,
      },
      keys: Object.fromEntries(Object.entries(keys).map(([name, key]) => [name, { secret: secretOf(name), ...key }])),
      health: neverOpen,
      server: { keep_alive_comments: '0s' },
      prices,
      ...overlay,
    },
  });
  const { limits, identity } = gateway.gateway.api;
  return {
    gateway,
    upstreams,
    call: (name, extra = {}) => request(gateway.url, { headers: bearer(name), body: ask(extra) }),
    async begin(name, extra = {}) {
      const connection = await open(gateway.url);
      connection.send({ headers: bearer(name), body: ask(extra) });
      return connection;
    },
    standing: (name) => limits.standing(identity.keys().find((key) => key.name === name)!.principal.allowances),
    async quiet() {
      for (const until = performance.now() + 5_000; limits.counts().open > 0; ) {
        if (performance.now() > until) throw new Error(`${limits.counts().open} calls still hold something`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
  };
}

/** A script that answers once it is let, and what lets it. */
export function gated(script: Script): { readonly script: Script; open(): void } {
  let open = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  return {
    script: async (call, wire) => {
      await Promise.race([gate, wire.gone]);
      if (!wire.closed) await script(call, wire);
    },
    open: () => open(),
  };
}
