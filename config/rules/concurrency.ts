import type { ConcurrencyConfig } from '../../schemas/config.ts';
import { type RuleContext, report } from './context.ts';

type Written = { readonly [Key in keyof ConcurrencyConfig]?: ConcurrencyConfig[Key] | undefined } | undefined;

const shown = (concurrency: NonNullable<Written>): string => {
  const { max, adaptive } = concurrency;
  return adaptive === true ? `adaptive${max === undefined ? '' : ` up to ${max}`}` : String(max);
};

/** Limits of targets: each says something, no target has two, and a queue has something to wait for. */
export function checkConcurrency(context: RuleContext): void {
  const { models = {}, providers = {} } = context.draft;
  const { warnings } = context.findings;
  const first = new Map<string, { model: string; text: string }>();
  for (const [name, provider] of Object.entries(providers)) {
    checkOne(context, ['providers', name, 'concurrency'], provider?.concurrency);
    const { connections, concurrency } = provider ?? {};
    if (connections === undefined || concurrency?.max === undefined || concurrency.max <= connections) continue;
    warnings.push(
      `providers ${name}: concurrency.max ${concurrency.max} is never reached, because there are ${connections} connections`,
    );
  }
  for (const [name, model] of Object.entries(models)) {
    let limited = false;
    for (const [index, target] of (model?.targets ?? []).entries()) {
      const { provider, concurrency } = target ?? {};
      checkOne(context, ['models', name, 'targets', index, 'concurrency'], concurrency);
      const own = provider === undefined ? undefined : providers[provider];
      if (concurrency !== undefined || own?.concurrency !== undefined || own?.connections !== undefined) limited = true;
      if (concurrency === undefined) continue;
      const id = `${provider}/${target?.model}`;
      const text = shown(concurrency);
      const before = first.get(id);
      if (before === undefined) first.set(id, { model: name, text });
      else if (before.text !== text) {
        warnings.push(
          `models ${name}: the target ${id} is limited to ${text} here and to ${before.text} in models ${before.model}; a target has one limit, and the first entry of the file gives it`,
        );
      }
    }
    if (model?.queue !== undefined && !limited) {
      warnings.push(`models ${name}: queue has no effect, because no target here has a limit (concurrency)`);
    }
  }
}

function checkOne(context: RuleContext, path: readonly (string | number)[], concurrency: Written): void {
  if (concurrency === undefined || concurrency.max !== undefined || concurrency.adaptive === true) return;
  report(context, path, 'this is no limit', 'write max, or adaptive: true');
}
