import fp from 'fastify-plugin';
import type { Config } from '../../schemas/config.ts';
import { prepareReservations } from '../usage/reserve.ts';
import { type AlertSink, Alerts } from './alerts.ts';
import type { LimitStore, Limits } from './contract.ts';
import { Gate } from './gate.ts';
import { MemoryStore } from './memory-store.ts';
import { RefusalCounts } from './refusal-counts.ts';
import { RuleBook } from './rule-book.ts';
import { ruleStandings } from './standings.ts';
import { Tallies } from './tallies.ts';
import { alertData, type WebhookOutcome, Webhooks } from './webhooks.ts';

export type { Alert, AlertSink } from './alerts.ts';
export type * from './contract.ts';
export { LimitError } from './refusal.ts';

export interface LimitsOptions {
  readonly config: Pick<Config, 'limits' | 'budgets' | 'alerts'>;
  /** Counts for all replicas; absent: this process is all there is. Closed with the plugin. */
  readonly store?: LimitStore;
  /** Names of addresses in it are made with this; the same in all replicas. */
  readonly salt?: string | undefined;
  /** Alerts go there too. */
  readonly sinks?: readonly AlertSink[];
  /** Milliseconds before each further try of a webhook. */
  readonly webhookWaits?: readonly number[];
}

declare module 'fastify' {
  interface FastifyInstance {
    limits: Limits;
  }
}

export default fp<LimitsOptions>(
  async (app, options) => {
    const { limits, budgets, alerts: settings } = options.config;
    const local = new MemoryStore();
    const store = options.store ?? local;
    const fleet = store !== local;
    const counts = new RefusalCounts();
    const outcomes: Record<WebhookOutcome, number> = { delivered: 0, failed: 0, dropped: 0 };
    let alerted = 0;

    const webhooks = new Webhooks({
      webhooks: settings.webhooks,
      timeout: settings.timeout,
      log: app.log,
      onOutcome: (outcome) => outcomes[outcome]++,
      ...(options.webhookWaits === undefined ? {} : { waits: options.webhookWaits }),
    });
    const logged: AlertSink = {
      send(alert) {
        alerted++;
        app.log.warn({ alert: 'budget.threshold', ...alertData(alert) }, 'a share of a budget is spent');
      },
    };
    const alerts = new Alerts({
      shares: budgets.alert_at,
      sinks: [logged, webhooks, ...(options.sinks ?? [])],
      now: () => store.now(),
      read: fleet ? (rules) => store.read(rules) : null,
    });
    const tallies = new Tallies({ charges: app.usage.charges, now: () => store.now(), everything: fleet });
    const tell = (sums: Parameters<LimitStore['spent']>[0]): void => {
      store.spent(sums);
      if (fleet) local.spent(sums);
      alerts.spent(sums);
    };
    // Before the rules: what is spent already is no news to the alerts.
    tell(tallies.load());
    const counting = new Counting((err) =>
      app.log.warn(
        { err },
        'the vocabulary for counting tokens cannot be loaded: what is held for calls is counted by their bytes',
      ),
    );
    const book = new RuleBook({
      limits,
      budgets,
      salt: options.salt,
      onRule(rule) {
        if (rule.measure !== 'requests') counting.wanted();
        const sum = tallies.watch(rule);
        if (sum === null) return;
        if (!fleet) store.spent([...tallies.others(rule), sum]);
        alerts.watch(rule, sum);
      },
    });
    const gate = new Gate({
      store,
      local,
      book,
      usage: app.usage,
      loadPrices: () => app.usage.builtinModels(''),
      assumedOutput: limits.assumed_output_tokens,
      counts,
    });

    app.usage.charges.onCharged((charged) => {
      tell(tallies.add(charged));
      gate.charged(charged);
    });
    app.exchanges.onSettled((exchange) => gate.over(exchange.id));

    app.decorate('limits', {
      enter: (call) => gate.enter(call),
      store,
      standing: (allowances) =>
        ruleStandings(
          store,
          allowances.flatMap((each) => book.of(each)),
        ),
      counts: () => ({
        refusals: counts.all,
        open: gate.size,
        held: { ...gate.holds },
        alerts: alerted,
        webhooks: { ...outcomes },
      }),
    } satisfies Limits as Limits);
    app.addHook('onListen', async () => counting.begin());
    app.addHook('onClose', async () => {
      alerts.close();
      await webhooks.close();
      await store.close();
    });
  },
  { name: 'limits', dependencies: ['exchange', 'usage'], fastify: '5.x' },
);

/** Loads what tokens are counted by once a rule asks for them: in the background, and not while the process starts. */
class Counting {
  readonly #failed: (error: unknown) => void;
  #begun = false;
  #wanted = false;

  constructor(failed: (error: unknown) => void) {
    this.#failed = failed;
  }

  wanted(): void {
    if (this.#wanted) return;
    this.#wanted = true;
    if (this.#begun) prepareReservations().catch(this.#failed);
  }

  /** The start is over. */
  begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    if (this.#wanted) prepareReservations().catch(this.#failed);
  }
}
