import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from '@sinclair/typebox';
import type { Metrics } from '../plugins/metrics/index.ts';

export interface MetricsRouteOptions {
  readonly metrics: Pick<Metrics, 'contentType' | 'render'>;
}

/** `GET /metrics` in the Prometheus text format 0.0.4. */
export const metricsRoutes: FastifyPluginAsyncTypebox<MetricsRouteOptions> = async (app, options) => {
  app.get(
    '/metrics',
    {
      config: { auth: 'public' },
      schema: {
        summary: 'Metrics',
        tags: ['management'],
        response: {
          200: { description: 'Prometheus text format.', content: { 'text/plain': { schema: Type.String() } } },
        },
      },
    },
    async (_request, reply) => {
      void reply.header('cache-control', 'no-store').type(options.metrics.contentType);
      return options.metrics.render();
    },
  );
};
