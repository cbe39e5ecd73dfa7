import type { FastifyBaseLogger } from 'fastify';
import fp from 'fastify-plugin';
import type { SettledCost } from '../usage/index.ts';
import type { Prefixes } from './contract.ts';
import { PrefixKeeper } from './keeper.ts';

export { UpstreamRefusal } from '../upstream/ask.ts';
export type { PrefixCounts, PrefixEntry, Prefixes, PrefixUse } from './contract.ts';

export interface PrefixesOptions {
  /** For the rows of the ledger. */
  readonly configVersion: string;
  /** Hears of what creations and extensions cost, beside the ledger. */
  readonly onSpent?: (provider: string, cost: SettledCost) => void;
  /** Unix milliseconds. */
  readonly now?: () => number;
  readonly log?: Pick<FastifyBaseLogger, 'debug' | 'warn'>;
}

declare module 'fastify' {
  interface FastifyInstance {
    prefixes: Prefixes;
  }
}

/** Has upstreams keep the beginnings of prompts that come again, where their dialect can ask for it and that pays. */
export default fp<PrefixesOptions>(
  async (app, options) => {
    const { configVersion, onSpent = () => {}, now = Date.now, log = app.log } = options;
    const { usage, upstream } = app;
    const keeper = new PrefixKeeper({ providers: app.router.providers, upstream, usage, configVersion, now, log, onSpent });
    app.decorate('prefixes', {
      choose: (target, credential, translation, exchange) => keeper.choose(target, credential, translation, exchange),
      used: (target, credential, digest, cachedTokens) => keeper.used(target, credential, digest, cachedTokens),
      lost: (target, credential, digest) => keeper.lost(target, credential, digest),
      list: () => keeper.list(),
      counts: () => keeper.counts(),
      keptBy: (provider) => keeper.keptBy(provider),
      remove: (provider, digestOrName) => keeper.remove(provider, digestOrName),
    });
    app.addHook('onClose', () => keeper.close());
  },
  { name: 'prefixes', dependencies: ['upstream', 'usage', 'router'], fastify: '5.x' },
);
