import { Counter, type Registry } from 'prom-client';
import type { RedisSample } from '../redis/health.ts';
import { gauge } from './gauge.ts';

/** Series of the connection to Redis, read when scraped. */
export function redisSeries(registry: Registry, sample: () => RedisSample): void {
  gauge(registry, 'postern_redis_up', '1 while Redis answers and takes writes, else 0.', (set) => set(sample().up ? 1 : 0));
  new Counter({
    name: 'postern_redis_outages_total',
    help: 'Times Redis went away.',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(sample().outages);
    },
  });
  new Counter({
    name: 'postern_redis_failures_total',
    help: 'Commands of calls that Redis did not answer well, by reason.',
    labelNames: ['reason'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [reason, count] of sample().failures) this.inc({ reason }, count);
    },
  });
}
