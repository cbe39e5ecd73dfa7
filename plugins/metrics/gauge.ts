import { Gauge, type Registry } from 'prom-client';

/** A gauge read when scraped; series that are not set any more disappear. */
export function gauge(
  registry: Registry,
  name: string,
  help: string,
  read: (set: (value: number, labels?: Record<string, string>) => void) => void,
  labelNames: string[] = [],
): void {
  new Gauge({
    name,
    help,
    labelNames,
    registers: [registry],
    collect() {
      this.reset();
      read((value, labels = {}) => this.set(labels, value));
    },
  });
}
