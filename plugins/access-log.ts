import fp from 'fastify-plugin';
import { formatUsd } from './usage/usd.ts';

const rounded = (ms: number): number => Math.round(ms * 100) / 100;

/** One line per exchange, after it has settled. Only what is listed here is written: no headers, no bodies, no keys. */
export default fp(
  async (app) => {
    app.exchanges.onSettled((exchange, request) => {
      const total = exchange.endedAt - exchange.startedAt;
      app.log.info(
        {
          exchange: exchange.id,
          request_id: exchange.requestId,
          method: request.method,
          route: request.routeOptions.url ?? null,
          operation: exchange.operation,
          key: exchange.principal.keyId,
          model: exchange.model,
          stream: exchange.stream,
          provider: exchange.provider,
          target: exchange.target,
          served: exchange.servedModel,
          attempts: exchange.attempts,
          status: exchange.status,
          outcome: exchange.outcome,
          reason: exchange.reason,
          tokens: exchange.usage,
          usage_source: exchange.usageSource,
          cost_usd: exchange.attempts === 0 || exchange.costNano === null ? null : formatUsd(exchange.costNano),
          first_content_ms: exchange.firstContentAt === 0 ? null : rounded(exchange.firstContentAt - exchange.startedAt),
          total_ms: rounded(total),
          overhead_ms: rounded(Math.max(0, total - exchange.upstreamMs)),
        },
        'exchange',
      );
    });
  },
  { name: 'access-log', dependencies: ['exchange'], fastify: '5.x' },
);
