import { suggestion } from '../nearest.ts';
import type { Path } from '../tree.ts';
import { type RuleContext, report } from './context.ts';
import { checkPattern } from './patterns.ts';

/** What a key and a team have in common, as far as it is valid. */
export interface DraftPolicy {
  readonly models?: readonly (string | undefined)[];
  readonly providers?: readonly (string | undefined)[];
  readonly budgets?: readonly (DraftBudget | undefined)[];
}

type DraftBudget = Readonly<Partial<Record<'amount_usd' | 'tokens' | 'requests', number>>>;

/** Checks the models, providers and budgets of a key or a team. */
export function checkPolicy(context: RuleContext, path: Path, policy: DraftPolicy): void {
  policy.models?.forEach((pattern, at) => {
    checkPattern(context, [...path, 'models', at], pattern ?? '');
  });
  const known = Object.keys(context.draft.providers ?? {});
  policy.providers?.forEach((name, at) => {
    if (name === undefined || known.includes(name)) return;
    const hint = suggestion(name, known, 'add it to providers, or remove it here');
    report(context, [...path, 'providers', at], 'there is no provider of this name', hint);
  });
  checkRepeats(context, [...path, 'models'], policy.models);
  checkRepeats(context, [...path, 'providers'], policy.providers);
  checkBudgets(context, [...path, 'budgets'], policy.budgets);
}

/** Checks that every budget limits one thing. */
export function checkBudgets(context: RuleContext, path: Path, budgets: DraftPolicy['budgets']): void {
  budgets?.forEach((budget, at) => {
    const amounts = (['amount_usd', 'tokens', 'requests'] as const).filter((each) => budget?.[each] !== undefined);
    if (budget === undefined || amounts.length === 1) return;
    const message = amounts.length === 0 ? 'the budget limits nothing' : `the budget has ${amounts.join(' and ')}`;
    report(context, [...path, at], message, 'give it exactly one of amount_usd, tokens and requests; write two budgets for two');
  });
}

function checkRepeats(context: RuleContext, path: Path, names: readonly (string | undefined)[] | undefined): void {
  const seen = new Set<string>();
  names?.forEach((name, at) => {
    if (name === undefined) return;
    if (seen.has(name)) report(context, [...path, at], 'this is in the list twice', 'remove one of the two');
    seen.add(name);
  });
}
