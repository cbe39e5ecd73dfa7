import fp from 'fastify-plugin';
import type { Config } from '../../schemas/config.ts';
import { Asker } from '../upstream/ask.ts';
import type { SettledCost } from '../usage/index.ts';
import { CompletionProbe } from './completion.ts';
import { ModelsProbe } from './models.ts';
import { type Probe, Schedule } from './schedule.ts';

export interface ProbesOptions {
  readonly config: Pick<Config, 'models'>;
  readonly configVersion: string;
  /** Hears of what probes cost, beside the ledger. */
  readonly onSpent?: (provider: string, cost: SettledCost) => void;
  /** Numbers in [0, 1). */
  readonly random?: () => number;
}

/** Probes of one provider since the start. */
export interface ProbeCounts {
  readonly provider: string;
  ok: number;
  failed: number;
}

/** `fastify.probes`. */
export interface Probes {
  /** Of the providers that are probed. */
  counts(): readonly ProbeCounts[];
}

declare module 'fastify' {
  interface FastifyInstance {
    probes: Probes;
  }
}

/** Milliseconds a probe may take, where the configuration says nothing. */
const defaultTimeout = 5_000;

/** Asks providers whether they work, beside the calls of callers; only where `providers.*.probe` says so. */
export default fp<ProbesOptions>(
  async (app, options) => {
    const { config, configVersion, onSpent = () => {}, random = Math.random } = options;
    const { router, usage, log } = app;
    const asker = new Asker(app.upstream);
    const schedules: Schedule[] = [];
    const counts: ProbeCounts[] = [];

    app.decorate('probes', { counts: () => counts } satisfies Probes as Probes);

    app.addHook('onListen', (done) => {
      for (const provider of router.providers.values()) {
        const { probe } = provider.config;
        if (probe === undefined) continue;
        const { interval, timeout = defaultTimeout, ask = 'models' } = probe;
        const own: ProbeCounts = { provider: provider.name, ok: 0, failed: 0 };
        const tools = { provider, router, asker, timeout, counts: own };
        const made: Probe =
          ask === 'models'
            ? new ModelsProbe({ ...tools, interval, log })
            : new CompletionProbe({ ...tools, usage, models: config.models, configVersion, onSpent, log });
        counts.push(own);
        schedules.push(new Schedule(made, interval, random));
      }
      done();
    });
    app.addHook('onClose', async () => {
      for (const schedule of schedules) schedule.stop();
      asker.abort();
      await Promise.all(schedules.map((schedule) => schedule.idle));
    });
  },
  { name: 'probes', dependencies: ['router', 'upstream', 'usage'], fastify: '5.x' },
);
