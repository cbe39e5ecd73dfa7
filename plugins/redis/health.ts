import type { RedisReason } from './reasons.ts';

/** What operators are shown of Redis. */
export interface RedisSample {
  readonly up: boolean;
  /** Times it went away. */
  readonly outages: number;
  /** Commands that failed, by reason. */
  readonly failures: ReadonlyMap<RedisReason, number>;
}
