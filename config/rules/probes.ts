import type { ProviderType } from '../../providers/provider.ts';
import { type DraftProvider, type RuleContext, report } from './context.ts';

/** Milliseconds; more often is load and no news. */
const shortest = 100;

/** Checks the active probe of one provider: that there is something to ask, and how often. */
export function checkProbe(context: RuleContext, name: string, { probe, enabled }: DraftProvider, type: ProviderType): void {
  if (probe === undefined || enabled === false) return;
  const path = ['providers', name, 'probe'];
  const { interval, timeout, ask = 'models' } = probe;
  if (type.serve !== undefined) {
    report(context, path, `the type ${type.type} answers in this process`, 'remove it: there is nothing to find out');
  } else if (ask === 'models' && type.catalogue === undefined) {
    report(context, [...path, 'ask'], `the type ${type.type} has no list of models to ask for`, 'write ask: completion');
  }
  if (interval !== undefined && interval < shortest) {
    report(context, [...path, 'interval'], 'the time between two probes is too short', `use at least ${shortest}ms`);
  }
  if (timeout === 0)
    report(context, [...path, 'timeout'], 'no probe ends in no time', 'write how long one may take, or remove it');
}
