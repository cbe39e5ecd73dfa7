import fp from 'fastify-plugin';
import type { Target, Translation, UpstreamRequest } from '../../providers/provider.ts';

export interface PrefixUse {
  readonly request: UpstreamRequest;
  readonly digest: string | null;
}
export interface Prefixes {
  choose(target: Target, translation: Translation, exchange: { readonly id: string; readonly keyId: string | null }): PrefixUse;
  used(target: Target, digest: string, cachedTokens: number): void;
  lost(target: Target, digest: string): void;
}
declare module 'fastify' {
  interface FastifyInstance {
    prefixes: Prefixes;
  }
}
export interface PrefixesOptions {
  readonly configVersion: string;
}
export default fp<PrefixesOptions>(
  async (app) => {
    app.decorate('prefixes', {
      choose: (_target, translation) => ({ request: translation.request, digest: null }),
      used: () => {},
      lost: () => {},
    });
  },
  { name: 'prefixes', dependencies: ['upstream', 'usage'], fastify: '5.x' },
);
