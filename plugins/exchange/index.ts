import { randomBytes } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { Config } from '../../schemas/config.ts';
import { Exchange } from './exchange.ts';
import { ExchangeIds, requestIdOf } from './ids.ts';
import { OpenExchanges } from './open.ts';

export * from './exchange.ts';

export interface ExchangesOptions {
  /** The snapshot new exchanges start with. */
  readonly config: () => Config;
}

/** `fastify.exchanges`. */
export interface Exchanges {
  /** Exchanges whose response has not closed yet. */
  readonly open: Pick<OpenExchanges, 'size' | typeof Symbol.iterator>;
  onOpened(listener: () => void): void;
  /** Called once per exchange, after its response closed and its ledger rows are committed. */
  onSettled(listener: (exchange: Exchange, request: FastifyRequest) => void): void;
  /** Resolves when none is open. */
  idle(): Promise<void>;
}

declare module 'fastify' {
  interface FastifyInstance {
    exchanges: Exchanges;
  }
  interface FastifyRequest {
    exchange: Exchange;
  }
  interface FastifyContextConfig {
    /** What the route does, for the exchange, the ledger and the metrics; absent: no exchange is opened. */
    operation?: string;
  }
}

export default fp<ExchangesOptions>(
  async (app, options) => {
    const ids = new ExchangeIds(Date.now, randomBytes(4));
    const open = new OpenExchanges();
    const listeners: ((exchange: Exchange, request: FastifyRequest) => void)[] = [];
    const openers: (() => void)[] = [];
    const waiting: (() => void)[] = [];

    app.decorate('exchanges', {
      open,
      onOpened: (listener) => openers.push(listener),
      onSettled: (listener) => listeners.push(listener),
      idle: () => (open.size === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
    } satisfies Exchanges as Exchanges);
    app.decorateRequest('exchange', null as unknown as Exchange);

    app.addHook('onRequest', (request, reply, done) => {
      const operation = request.routeOptions.config.operation ?? (request.is404 ? 'unknown' : undefined);
      if (operation === undefined) {
        done();
        return;
      }
      const id = ids.next();
      const requestId = requestIdOf(request.headers['x-request-id']) ?? id;
      const exchange = new Exchange(id, requestId, operation, options.config(), performance.now(), Date.now(), () => {
        open.delete(exchange);
        for (const listener of listeners) listener(exchange, request);
        if (open.size === 0) for (const resolve of waiting.splice(0)) resolve();
      });
      open.add(exchange);
      for (const listener of openers) listener();
      request.exchange = exchange;
      // The response's 'close' is the only event that fires for every way a call can end; request 'close' and onResponse do not.
      const raw = reply.raw;
      raw.once('close', () => {
        if (!raw.writableEnded) exchange.cancel('client_closed');
        // Ended is not delivered: what the caller did not take before it left is still in the socket's buffer.
        const left = !raw.writableFinished && (exchange.cancelled ?? 'client_closed') === 'client_closed';
        exchange.status = left ? 499 : raw.statusCode;
        if (left) {
          exchange.outcome = 'cancelled';
          exchange.reason = 'client_closed';
        }
        exchange.close(performance.now());
      });
      done();
    });

    // Replies the framework sends; hijacked ones write these themselves.
    app.addHook('onSend', (request, reply, payload, done) => {
      const exchange = request.exchange;
      if (exchange !== null) {
        reply.header('x-request-id', exchange.requestId);
        reply.header('x-postern-exchange-id', exchange.id);
      }
      if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
      done(null, payload);
    });
  },
  { name: 'exchange', fastify: '5.x' },
);
