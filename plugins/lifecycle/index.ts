import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import fp from 'fastify-plugin';
import { UnavailableError } from '../errors/classes.ts';
import { closeAfter, listenerOf } from '../http-server.ts';
import { Overload, type OverloadLimits } from './overload.ts';
import { quickRefusal } from './quick-refusal.ts';

/** Why a call was not taken. */
export type ShedReason = 'draining' | 'event_loop' | 'in_flight';

/** `fastify.lifecycle`: where the process is between start and exit, and whether it takes calls. */
export interface Lifecycle {
  /** Readiness is false, calls are still taken. */
  draining: boolean;
  /** Calls are taken, and their connections end with them. */
  parting: boolean;
  /** New calls are refused; those under way go on. */
  refusing: boolean;
  /** Connections that carry one more call although new ones are refused. */
  readonly spared: Set<Socket>;
  readonly overload: Readonly<Omit<Overload, 'sample' | 'admit'>>;
  /** Calls that were not taken, by reason. */
  readonly shed: Record<ShedReason, number>;
  /** The event loop was `late` milliseconds late at the end of `elapsed` milliseconds. */
  eventLoop(late: number, elapsed: number): void;
}

declare module 'fastify' {
  interface FastifyInstance {
    lifecycle: Lifecycle;
  }
}

export interface LifecycleOptions {
  /** Calls under way together. */
  readonly maxInFlight: number;
  readonly overload: OverloadLimits;
  /** Numbers in [0, 1). */
  readonly random?: (() => number) | undefined;
}

// Made once: a refusal has to be cheaper than what it refuses, and nobody asks these for their stack.
const leaving = new UnavailableError(
  'This gateway is shutting down; send the request again and it will reach another one.',
  'gateway_draining',
);
const full = new UnavailableError('Too many calls are under way; try again shortly.', 'gateway_overloaded');
const tooSlow = new UnavailableError('This gateway has more to do than it can; try again shortly.', 'gateway_overloaded');

/**
 * Refuses new calls with the reason: while too many are under way, as many of them as make the event loop too late, and, on
 * connections that are told to close, once the process is on its way out. Before the body is read, so nothing else is done; those
 * the event loop has no time for before anything is known of them but that they bring a body: no id, no line in the log.
 */
export default fp<LifecycleOptions>(
  async (app, options) => {
    const overload = new Overload(options.overload);
    let listening = false;
    const lifecycle: Lifecycle = {
      draining: false,
      parting: false,
      refusing: false,
      spared: new Set(),
      overload,
      shed: { draining: 0, event_loop: 0, in_flight: 0 },
      eventLoop(late, elapsed) {
        // A start holds the event loop too, when there is nobody to refuse.
        if (listening) overload.sample(late, elapsed);
      },
    };
    app.decorate('lifecycle', lifecycle);
    const refuse = quickRefusal(tooSlow, options.random ?? Math.random);
    const listener = listenerOf(app.server);
    if (listener !== undefined) {
      listener.gate.refuses = (request: IncomingMessage, response: ServerResponse): boolean => {
        if (lifecycle.refusing || request.method !== 'POST' || overload.admit()) return false;
        lifecycle.shed.event_loop++;
        if (lifecycle.parting) closeAfter(request, response);
        refuse(request, response);
        return true;
      };
    }
    app.addHook('onListen', async () => {
      listening = true;
    });
    app.addHook('onRequest', (request, reply, done) => {
      if (request.routeOptions.config.operation === undefined) {
        done();
        return;
      }
      if (lifecycle.refusing && !lifecycle.spared.delete(request.raw.socket)) {
        lifecycle.shed.draining++;
        void reply.header('connection', 'close');
        done(leaving);
        return;
      }
      if (lifecycle.parting) closeAfter(request.raw, reply.raw);
      if (app.exchanges.open.size > options.maxInFlight) {
        lifecycle.shed.in_flight++;
        done(full);
      } else done();
    });
  },
  { name: 'lifecycle', dependencies: ['errors', 'exchange'], fastify: '5.x' },
);
