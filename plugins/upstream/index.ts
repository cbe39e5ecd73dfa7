import { randomBytes } from 'node:crypto';
import fp from 'fastify-plugin';
import type { Credential, ProviderInstance, UpstreamRequest } from '../../providers/provider.ts';
import { type AnswerListener, SocketCall, type UpstreamCall } from './call.ts';
import { transportFailure } from './failures.ts';
import { LocalCall } from './local.ts';
import { Pools } from './pools.ts';

export type { AnswerListener, UpstreamCall } from './call.ts';
export { failed, type TransportFailure } from './failures.ts';

export interface UpstreamOptions {
  /** Milliseconds a TCP and TLS connect to this provider may take. */
  readonly connectTimeout: (provider: ProviderInstance) => number;
}

/** `fastify.upstream`: the only way out of this process. */
export interface Upstream {
  /** Starts one request, by the provider's first key unless told otherwise. Redirects are not followed; nothing is retried here. */
  send(
    provider: ProviderInstance,
    request: UpstreamRequest,
    via: string | undefined,
    listener: AnswerListener,
    credential?: Credential,
  ): UpstreamCall;
  /** Whether a `via` header (RFC 9110 §7.6.3) says that the request came through this process before. */
  isLoop(via: string | undefined): boolean;
}

declare module 'fastify' {
  interface FastifyInstance {
    upstream: Upstream;
  }
}

export default fp<UpstreamOptions>(
  async (app, options) => {
    const pools = new Pools(options.connectTimeout);
    const pseudonym = `postern-${randomBytes(6).toString('hex')}`;
    const ownVia = `1.1 ${pseudonym}`;

    function headerList(request: UpstreamRequest, credential: Credential, via: string | undefined): string[] {
      const list: string[] = [];
      for (const name in request.headers) list.push(name, request.headers[name]!);
      for (const name in credential.headers) list.push(name, credential.headers[name]!);
      list.push('via', via === undefined ? ownVia : `${via}, ${ownVia}`);
      return list;
    }

    app.decorate('upstream', {
      send(provider, request, via, listener, credential = provider.credentials[0]!) {
        if (provider.type.serve !== undefined) return new LocalCall(provider.type.serve(request), listener);
        const call = new SocketCall(listener);
        const { method, path, body } = request;
        try {
          pools.get(provider).dispatch({ method, path, body, headers: headerList(request, credential, via) }, call);
        } catch (error) {
          // Invalid header bytes and the like: undici throws before it queues.
          process.nextTick(() => listener.onFailure(transportFailure(error as Error, false, false)));
        }
        return call;
      },
      isLoop: (via) => via?.includes(pseudonym) === true,
    } satisfies Upstream as Upstream);

    app.addHook('onClose', () => pools.destroy());
  },
  { name: 'upstream', fastify: '5.x' },
);
