import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { frontOf } from '../../providers/fronts.ts';
import type { Call, Operation } from '../../providers/provider.ts';
import type { HedgeConfig } from '../../schemas/config.ts';
import { allows } from '../auth/index.ts';
import { LoopError, PermissionError } from '../errors/classes.ts';
import { Decision, type Route } from '../router/index.ts';
import type { Signatures } from '../signatures/index.ts';
import { estimateInput } from '../usage/estimate.ts';
import type { AttemptOutcome } from '../usage/index.ts';
import { callerMetadata, callerTimeout, toCall, warnings } from './call.ts';
import { ClientWriter, type HeaderList } from './client.ts';
import type { RunContext } from './context.ts';
import { CredentialWarnings } from './credentials.ts';
import { Hedging } from './hedging.ts';
import { newId } from './ids.ts';
import { checkOptions, gatewayOptionsOf, maxPriceOf, optionTimeout, shortest } from './options.ts';
import { Run } from './run.ts';

export interface RelayOptions {
  readonly configVersion: string;
  readonly hedge: HedgeConfig;
  /** Other plugins (CORS) set headers on replies that have to survive the raw write. */
  readonly keepReplyHeaders: boolean;
  /** Numbers in [0, 1). */
  readonly random?: () => number;
  readonly onAttempt?: (provider: string, outcome: AttemptOutcome, reason: string | null) => void;
}

/** `fastify.relay`. */
export interface Relay {
  /**
   * Answers a validated call from the provider the router chooses. Takes the reply over; everything that happens from here
   * on, failures included, reaches the caller through it. Throws what can be refused before that.
   */
  answer(request: FastifyRequest, reply: FastifyReply, operation: Operation, dialect: string): void;
}

declare module 'fastify' {
  interface FastifyInstance {
    relay: Relay;
  }
}

export default fp<RelayOptions>(
  async (app, options) => {
    const credentials = new CredentialWarnings(app.log, () => performance.now());
    const context: RunContext = {
      router: app.router,
      upstream: app.upstream,
      usage: app.usage,
      signatures: app.signatures,
      prefixes: app.prefixes,
      hedging: new Hedging({
        settings: options.hedge,
        inFlight: () => app.exchanges.open.size,
        now: () => performance.now(),
      }),
      translation: { id: newId, now: Date.now },
      configVersion: options.configVersion,
      random: options.random ?? Math.random,
      onAttempt(provider, outcome, reason) {
        if (reason === 'authentication') credentials.refused(provider);
        options.onAttempt?.(provider, outcome, reason);
      },
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
        const model = request.callBody.json.model as string;
        exchange.model = model;
        if (!allows(exchange.principal, model)) {
          throw new PermissionError(
            `This key may not use the model \`${model.slice(0, 100)}\`. GET /v1/models lists the ones it may.`,
            'model_not_allowed',
            'model',
          );
        }
        const route = app.router.resolve(model);
        const options = gatewayOptionsOf(request.callBody.json);
        if (options !== null) checkOptions(options, exchange.principal, exchange.config.auth.options);
        const call = toCall(request, operation, dialect);
        exchange.stream = call.stream;
        const decision = new Decision();
        exchange.decision = decision;
        const input = {
          exchange,
          route,
          client: new ClientWriter(reply.raw, exchange, extraHeaders(reply)),
          estimatedInput: estimateInput(call.body, operation),
          metadata: callerMetadata(request),
          warnings: warnings(call),
          via,
          callerTimeout: shortest(callerTimeout(request), options === null ? null : optionTimeout(options)),
          restrictions: options === null ? null : app.router.restrictions({ ...options, maxPrice: maxPriceOf(options) }),
          decision,
        };
        const kept = keptFor(call, route, exchange.principal.keyId ?? '');
        reply.hijack();
        if (kept === call.kept) new Run(context, { ...input, call }).start();
        else {
          const start = (found: Call['kept']): void => new Run(context, { ...input, call: { ...call, kept: found } }).start();
          if (kept instanceof Promise) kept.then(start, () => start(call.kept));
          else start(kept);
        }
      },
    } satisfies Relay as Relay);
  },
  { name: 'relay', dependencies: ['exchange', 'router', 'upstream', 'usage', 'auth', 'signatures', 'prefixes'], fastify: '5.x' },
);
