import { Counter, type Registry } from 'prom-client';
import type { Fleet } from '../usage/fleet/index.ts';
import { gauge } from './gauge.ts';

/** The exchange of usage between replicas, read when scraped. */
export function fleetSeries(registry: Registry, fleet: Pick<Fleet, 'status' | 'lag'>): void {
  gauge(registry, 'postern_fleet_replicas', 'Other replicas whose usage is known, or waited for.', (set) =>
    set(fleet.status().replicas),
  );
  gauge(
    registry,
    'postern_fleet_lag_seconds',
    'Since this replica and the others last had each other’s rows; 0 while they do.',
    (set) => set(fleet.lag()),
  );
  gauge(registry, 'postern_fleet_waiting_rows', 'Rows of this ledger that the others cannot have yet.', (set) =>
    set(fleet.status().waiting),
  );
  new Counter({
    name: 'postern_fleet_rows_total',
    help: 'Rows of ledgers since the start: published, taken from others, refused because they are none.',
    labelNames: ['direction'],
    registers: [registry],
    collect() {
      this.reset();
      const { published, taken, refused } = fleet.status();
      for (const [direction, count] of Object.entries({ published, taken, refused })) this.inc({ direction }, count);
    },
  });
}
