import { checkBudgets } from './allowances.ts';
import { type RuleContext, report } from './context.ts';
import { checkPattern } from './patterns.ts';

/** Limits of models and of everyone, and when alerts are sent. */
export function checkLimits(context: RuleContext): void {
  const { limits, budgets } = context.draft;
  for (const name of Object.keys(limits?.models ?? {})) checkLimitedModel(context, name);
  checkBudgets(context, ['budgets', 'global'], budgets?.global);
  const seen = new Set<number>();
  budgets?.alert_at?.forEach((share, index) => {
    if (share === undefined) return;
    if (share <= 0) report(context, ['budgets', 'alert_at', index], 'a share is above 0', 'write 0.8 for four fifths');
    if (seen.has(share)) report(context, ['budgets', 'alert_at', index], 'this share is there twice', 'remove one of them');
    seen.add(share);
  });
}

/** A limit on a name that nobody can call limits nothing. A provider may be one that another start turns on. */
function checkLimitedModel(context: RuleContext, name: string): void {
  checkPattern(context, ['limits', 'models', name], name);
  const { models = {}, providers = {} } = context.draft;
  const prefix = name.endsWith('*') ? name.slice(0, -1) : null;
  const named = [...Object.keys(models), ...Object.keys(providers).map((each) => `${each}/`)];
  const known = named.some((each) => {
    const model = each.replace(/\*$/, '');
    if (prefix !== null) return model.startsWith(prefix) || prefix.startsWith(model);
    return each === name || (each !== model && name.startsWith(model)) || (each.endsWith('/') && name.startsWith(each));
  });
  if (known) return;
  context.findings.warnings.push(
    `limits.models ${name}: models has no such name and no provider either; it counts only calls that name exactly this`,
  );
}
