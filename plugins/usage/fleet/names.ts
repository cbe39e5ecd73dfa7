// Names in Redis. All begin with the same hash tag, so that scripts and reads over several of them also work in a Cluster.

/** A replica's id as its ledger has it. It becomes the name of a file. */
export const replicaPattern = /^[0-9a-f]{16}$/;

export interface FleetNames {
  /** Sorted set: replicas, by when they were last here (unix seconds by the clock of Redis). */
  readonly replicas: string;
  /** Hash: replica -> sequence from which somebody misses rows that its stream has no longer. */
  readonly wanted: string;
  /** Stream of settled rows. */
  stream(replica: string): string;
  /** Hash: the sums of a replica up to a sequence. */
  base(replica: string): string;
}

/** `tag`: the prefix in braces. */
export function fleetNames(tag: string): FleetNames {
  return {
    replicas: `${tag}:ledger:replicas`,
    wanted: `${tag}:ledger:wanted`,
    stream: (replica) => `${tag}:ledger:${replica}`,
    base: (replica) => `${tag}:ledger:${replica}:base`,
  };
}
