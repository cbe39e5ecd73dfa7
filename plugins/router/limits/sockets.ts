import type { ProviderInstance } from '../../../providers/provider.ts';

/** Where nothing is configured. Under the open files of a process as containers usually have them. */
export const defaultConnections = 2_048;

/**
 * Requests under way at one provider, all its targets together: never more than it has sockets. Measured: undici queues what is
 * beyond them, without a bound; what waited there for two seconds was taken for a provider that cannot be reached.
 */
export class Sockets {
  readonly max: number;
  inFlight = 0;

  constructor({ type, config }: ProviderInstance) {
    this.max = type.serve === undefined ? (config.connections ?? defaultConnections) : Number.POSITIVE_INFINITY;
  }

  get full(): boolean {
    return this.inFlight >= this.max;
  }
}
