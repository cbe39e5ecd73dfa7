import Fastify from 'fastify';
import { expect, test } from 'vitest';
import inventory from '../../plugins/auth/inventory.ts';
import metrics from '../../plugins/metrics/index.ts';
import { metricsRoutes } from '../../routes/metrics.ts';
import type { Config } from '../../schemas/config.ts';
import { whenDone } from '../helper/cleanup.ts';

test('metrics are served as Prometheus text that nothing stores', async () => {
  const app = Fastify();
  whenDone(() => app.close());
  await app.register(inventory);
  const config = { models: {}, providers: {} } as unknown as Config;
  await app.register(metrics, { version: '1.2.3', config: () => config, targets: () => [], ledgerReady: () => true });
  await app.register(metricsRoutes, { metrics: app.metrics });
  const reply = await app.inject('/metrics');
  expect(reply.statusCode).toBe(200);
  expect(reply.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect(reply.headers['cache-control']).toBe('no-store');
  expect(reply.body).toContain('# TYPE postern_in_flight gauge\npostern_in_flight 0\n');
  expect(reply.body.endsWith('\n')).toBe(true);
});
