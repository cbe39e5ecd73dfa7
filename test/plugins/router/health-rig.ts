import { Health } from '../../../plugins/router/health.ts';
import type { FailureReason } from '../../../providers/provider.ts';
import { candidate, failure, healthOptions, manualClock, target } from './targets.ts';

export const model = target('large');

/** Health of `model` on a clock that is moved by hand. */
export function rig(options: Partial<typeof healthOptions> = {}) {
  const clock = manualClock();
  const health = new Health({ ...healthOptions, ...options }, clock.now);
  const fail = (reason: FailureReason = 'server', retryAfterMs: number | null = null) =>
    health.failed(health.admit(candidate(health, model)), failure(reason, { retryAfterMs }));
  const succeed = () => health.succeeded(health.admit(candidate(health, model)));
  const state = () => health.snapshot([model])[0]!;
  /** Three failures in a row open the breaker for 1 s. */
  const open = () => {
    for (let count = 0; count < 3; count++) fail();
  };
  return { clock, health, fail, succeed, state, open };
}
