import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { Operation } from '../../providers/provider.ts';
import { allows } from '../auth/index.ts';
import { LoopError, PermissionError } from '../errors/classes.ts';
import { estimateInput } from '../usage/estimate.ts';
import type { AttemptOutcome } from '../usage/index.ts';
import { callerMetadata, callerTimeout, toCall, warnings } from './call.ts';
import { ClientWriter, type HeaderList } from './client.ts';
import { Run, type RunContext } from './run.ts';

export interface RelayOptions {
  readonly configVersion: string;
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
    const context: RunContext = {
      router: app.router,
      upstream: app.upstream,
      usage: app.usage,
      configVersion: options.configVersion,
      random: options.random ?? Math.random,
      onAttempt: options.onAttempt ?? (() => {}),
    };

    function extraHeaders(reply: FastifyReply): HeaderList {
      if (!options.keepReplyHeaders) return [];
      return Object.entries(reply.getHeaders()).flatMap(([name, value]) => (value === undefined ? [] : [name, String(value)]));
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
        const call = toCall(request, operation, dialect);
        exchange.stream = call.stream;
        const input = {
          exchange,
          call,
          route,
          client: new ClientWriter(reply.raw, exchange, extraHeaders(reply)),
          estimatedInput: estimateInput(call.body, operation),
          metadata: callerMetadata(request),
          warnings: warnings(call),
          via,
          callerTimeout: callerTimeout(request),
        };
        reply.hijack();
        new Run(context, input).start();
      },
    } satisfies Relay as Relay);
  },
  { name: 'relay', dependencies: ['exchange', 'router', 'upstream', 'usage', 'auth'], fastify: '5.x' },
);
