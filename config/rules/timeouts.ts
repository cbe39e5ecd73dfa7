import type { Path } from '../tree.ts';
import { type RuleContext, report } from './context.ts';

interface Rate {
  readonly min_rate?: number | undefined;
  readonly min_rate_window?: number | undefined;
}

/** Refuses a minimum rate over no time: globally, and as a provider or a model changes it. */
export function checkTimeouts(context: RuleContext): void {
  const { timeouts = {}, providers = {}, models = {} } = context.draft;
  const check = (path: Path, own: Rate | undefined, base: Rate): void => {
    if (own?.min_rate === undefined && own?.min_rate_window === undefined) return;
    const { min_rate = 0, min_rate_window = 1 } = { ...base, ...own };
    if (min_rate === 0 || min_rate_window > 0) return;
    const where = [...path, own.min_rate_window === undefined ? 'min_rate' : 'min_rate_window'];
    report(context, where, 'a minimum rate has to hold over some time', 'write min_rate_window: 10s, or min_rate: 0 for none');
  };
  check(['timeouts'], timeouts, {});
  for (const [name, provider] of Object.entries(providers)) check(['providers', name, 'timeouts'], provider?.timeouts, timeouts);
  for (const [name, model] of Object.entries(models)) check(['models', name, 'timeouts'], model?.timeouts, timeouts);
}
