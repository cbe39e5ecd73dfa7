import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { frontOf } from '../../providers/fronts.ts';
import type { Call, Operation } from '../../providers/provider.ts';
import type { HedgeConfig } from '../../schemas/config.ts';
import { LoopError } from '../errors/classes.ts';
import type { Grant } from '../limits/contract.ts';
import { Decision, type Route } from '../router/index.ts';
import type { Signatures } from '../signatures/index.ts';
import { estimateInput } from '../usage/estimate.ts';
import type { AttemptOutcome, SettledCost } from '../usage/index.ts';
import { admitted } from './admission.ts';
import { callerTimeout, metadataOf, warnings } from './call.ts';
import { ClientWriter, type HeaderList } from './client.ts';
import type { RunContext } from './context.ts';
import { enter } from './entrance.ts';
import { type DecisionText, Explanation } from './explanation.ts';
import { type HedgeCounts, Hedging } from './hedging.ts';
import { newId } from './ids.ts';
import { OperatorWarnings } from './operator-warnings.ts';
import { shortest } from './options.ts';
import { Run } from './run.ts';
import { type ShadowCounts, Shadows } from './shadows.ts';

export interface RelayOptions {
  readonly configVersion: string;
  readonly hedge: HedgeConfig;
  /** The process has more to do than it can: nothing is sent that a call can do without. */
  readonly busy?: () => boolean;
  /** Hears of what was used and cost beside the exchanges, apart from the ledger. */
  readonly onSpent?: (provider: string, cost: SettledCost) => void;
  /** Other plugins (CORS) set headers on replies that have to survive the raw write. */
  readonly keepReplyHeaders: boolean;
  /** Numbers in [0, 1). */
  readonly random?: () => number;
  /** For callers who ask why a target was chosen; absent: they are not told. */
  readonly explain?: DecisionText;
  readonly onAttempt?: (provider: string, outcome: AttemptOutcome, reason: string | null) => void;
}

/** `fastify.relay`. */
export interface Relay {
  /**
   * Answers a validated call from the provider the router chooses. Takes the reply over; everything that happens from here
   * on, failures included, reaches the caller through it. Throws what can be refused before that.
   */
  answer(request: FastifyRequest, reply: FastifyReply, operation: Operation, dialect: string): void;
  /** Of hedges and of copies of calls, by outcome. */
  counts(): {
    readonly hedges: Readonly<Record<keyof HedgeCounts, number>>;
    readonly shadows: Readonly<Record<keyof ShadowCounts, number>>;
  };
}

declare module 'fastify' {
  interface FastifyInstance {
    relay: Relay;
  }
}

export default fp<RelayOptions>(
  async (app, options) => {
    const { explain } = options;
    const { configVersion, busy = () => false, random = Math.random } = options;
    const translation = { id: newId, now: Date.now };
    const shadows = new Shadows({
      router: app.router,
      upstream: app.upstream,
      usage: app.usage,
      translation,
      configVersion,
      random,
      busy,
      onSpent: (provider, cost) => options.onSpent?.(provider, cost),
    });
    const context: RunContext = {
      router: app.router,
      upstream: app.upstream,
      usage: app.usage,
      signatures: app.signatures,
      prefixes: app.prefixes,
      hedging: new Hedging({
        settings: options.hedge,
        inFlight: () => app.exchanges.open.size,
        busy,
        now: () => performance.now(),
      }),
      shadows,
      warnings: new OperatorWarnings(app.log, () => performance.now()),
      translation,
      configVersion,
      random,
      onAttempt: (provider, outcome, reason) => options.onAttempt?.(provider, outcome, reason),
    };

    function extraHeaders(reply: FastifyReply): HeaderList {
      if (!options.keepReplyHeaders) return [];
      return Object.entries(reply.getHeaders()).flatMap(([name, value]) => (value === undefined ? [] : [name, String(value)]));
    }

    /** What the gateway kept of the history's tool calls; asked only where a target of another dialect may need it. */
    function keptFor(call: Call, route: Route, tenant: string): ReturnType<Signatures['find']> {
      if (call.operation !== 'chat') return call.kept;
      const translates = route.groups.some((group) =>
        group.targets.some(({ provider }) => provider.type.dialect !== call.dialect),
      );
      if (!translates) return call.kept;
      const ids = frontOf(call.dialect).toolCallIds(call.body.json);
      return ids.length === 0 ? call.kept : app.signatures.find(tenant, ids);
    }

    app.decorate('relay', {
      answer(request, reply, operation, dialect) {
        const { exchange } = request;
        const { via } = request.headers;
        if (app.upstream.isLoop(via)) throw new LoopError();
        exchange.model = request.callBody.json.model as string;
        const { call, route, options, restrictions, own, timeout } = admitted(
          app.router,
          exchange,
          request.callBody,
          operation,
          dialect,
        );
        exchange.stream = call.stream;
        const decision = new Decision();
        decision.options = options;
        exchange.decision = decision;
        const explained = options?.explain === true && explain !== undefined;
        const explanation = explained ? new Explanation(exchange, explain, operation === 'responses') : null;
        const headers = extraHeaders(reply);
        const client = new ClientWriter(reply.raw, exchange, headers, context.random, explanation);
        const input = {
          exchange,
          route,
          client,
          estimatedInput: estimateInput(call.body, operation),
          metadata: metadataOf(request),
          warnings: warnings(call),
          via,
          callerTimeout: shortest(callerTimeout(request), timeout),
          restrictions,
          own,
          decision,
        };
        const start = (grant: Grant | null): void => {
          const kept = keptFor(call, route, exchange.principal.keyId ?? '');
          if (kept === call.kept) {
            new Run(context, { ...input, grant, call }).start();
            return;
          }
          const run = (found: Call['kept']): void =>
            new Run(context, { ...input, grant, call: { ...call, kept: found } }).start();
          if (kept instanceof Promise) kept.then(run, () => run(call.kept));
          else run(kept);
        };
        const takeOver = (): void => {
          reply.hijack();
        };
        const failed = (err: unknown): void => request.log.error({ err }, 'the limits failed');
        const way = { limits: app.limits, client, headers, decision, takeOver, start, failed };
        enter(way, { exchange, call, route, operation, ip: request.ip });
      },
      counts: () => ({ hedges: context.hedging.counts, shadows: shadows.counts }),
    } satisfies Relay as Relay);
    app.addHook('onClose', () => shadows.close());
  },
  {
    name: 'relay',
    dependencies: ['exchange', 'router', 'upstream', 'usage', 'limits', 'auth', 'signatures', 'prefixes'],
    fastify: '5.x',
  },
);
