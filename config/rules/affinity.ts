import { type RuleContext, report } from './context.ts';

/** Refuses entries of `models.*.affinity` that can never decide, and limits of `models.*.max_price` that limit nothing. */
export function checkAffinity(context: RuleContext): void {
  for (const [name, model] of Object.entries(context.draft.models ?? {})) {
    const affinity = model?.affinity ?? [];
    const prefix = affinity.indexOf('prefix');
    affinity.forEach((by, at) => {
      const path = ['models', name, 'affinity', at];
      if (affinity.indexOf(by) < at) report(context, path, `${by} is here twice`, 'remove one of them');
      else if (prefix >= 0 && prefix < at)
        report(context, path, `every prompt has a beginning, so ${by} after prefix has no effect`, 'put prefix last');
    });
    const limit = model?.max_price;
    if (limit !== undefined && limit.input === undefined && limit.output === undefined)
      report(context, ['models', name, 'max_price'], 'no price is given, so this limits nothing', 'write input, output or both');
  }
}
