import { type Draft, type RuleContext, report } from './context.ts';

type DraftModel = NonNullable<NonNullable<Draft['models']>[string]>;

/** Checks what is sent beside the first request of a call: hedges, and copies to a shadow. */
export function checkSecondTargets(context: RuleContext): void {
  const { models = {}, retries } = context.draft;
  if (retries?.hedge?.enabled === true) checkSends(context, ['retries', 'hedge', 'enabled']);
  for (const [name, model] of Object.entries(models)) {
    if (model === undefined) continue;
    checkHedge(context, name, model);
    checkShadow(context, name, model);
  }
}

function checkHedge(context: RuleContext, name: string, { hedge, targets = [] }: DraftModel): void {
  if (hedge === undefined) return;
  const path = ['models', name, 'hedge', 'enabled'];
  const { providers = {}, retries } = context.draft;
  if (hedge.enabled === true) {
    checkSends(context, path);
    const used = new Set(
      targets.flatMap((target) => (providers[target?.provider ?? '']?.enabled === false ? [] : (target?.provider ?? []))),
    );
    if (used.size === 1) {
      report(
        context,
        path,
        'every target here is at one provider, and a hedge goes to another one',
        'add a target of another provider, or remove the hedge',
      );
    }
  } else if (retries?.hedge?.enabled !== true && Object.keys(hedge).some((key) => key !== 'enabled')) {
    context.findings.warnings.push(
      `models ${name}: nothing is hedged, so the other settings of hedge have no effect: set hedge.enabled`,
    );
  }
  const { enabled, max_ratio } = { ...retries?.hedge, ...hedge };
  if (enabled === true && max_ratio === 0)
    context.findings.warnings.push(`models ${name}: hedge.max_ratio is 0, so nothing is ever hedged`);
}

/** A hedge is a send like any other. */
function checkSends(context: RuleContext, path: readonly string[]): void {
  if (context.draft.retries?.max_attempts !== 1) return;
  report(
    context,
    [...path],
    'a hedge is a second send, and retries.max_attempts allows one',
    'raise retries.max_attempts to 2, or remove the hedge',
  );
}

function checkShadow(context: RuleContext, name: string, { shadow, targets = [] }: DraftModel): void {
  if (shadow?.provider === undefined) return;
  if (!targets.some((target) => target?.provider === shadow.provider && target?.model === shadow.model)) return;
  report(
    context,
    ['models', name, 'shadow', 'model'],
    'the shadow is one of the targets, which would be sent every call twice',
    'name another model or provider',
  );
}
