import type { Call } from '../../providers/provider.ts';
import { estimateInput } from './estimate.ts';

/**
 * Input tokens of a call, to be held on budgets before it is sent: rather too many than too few. `models`: upstream ids it may go to.
 */
export function reserveInput(call: Call, _models: readonly string[]): number {
  return Math.ceil(estimateInput(call.body, call.operation) * 1.3);
}
