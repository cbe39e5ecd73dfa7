import { strategies } from '../../plugins/router/strategies/index.ts';
import { suggestion } from '../nearest.ts';
import type { Path } from '../tree.ts';
import { type RuleContext, report, shownName } from './context.ts';
import { checkFallbacks } from './fallbacks.ts';
import { checkPattern } from './patterns.ts';
import { checkSecondTargets } from './second-targets.ts';

/** Checks names, patterns, targets and fallbacks of `models`. */
export function checkModels(context: RuleContext): void {
  const { models = {} } = context.draft;
  for (const [name, model] of Object.entries(models)) {
    checkPattern(context, ['models', name], name);
    checkStrategy(context, name, model?.strategy);
    const targets = model?.targets ?? [];
    for (const [index, target] of targets.entries()) checkTarget(context, name, target, ['models', name, 'targets', index]);
    if (targets.length > 0 && targets.every((target) => target?.weight === 0)) {
      report(
        context,
        ['models', name, 'targets'],
        'every weight is 0, so no target would ever be chosen',
        'give one a weight above 0',
      );
    }
    if (model?.shadow !== undefined) checkTarget(context, name, model.shadow, ['models', name, 'shadow']);
  }
  checkFallbacks(context);
  checkSecondTargets(context);
}

function checkStrategy(context: RuleContext, name: string, strategy: string | undefined): void {
  if (strategy === undefined || strategies.has(strategy)) return;
  const names = [...strategies.keys()];
  const hint = suggestion(strategy, names, `use one of ${names.join(', ')}`);
  report(
    context,
    ['models', name, 'strategy'],
    `there is no strategy ${shownName(context, ['models', name, 'strategy'], strategy)}`,
    hint,
  );
}

function checkTarget(
  context: RuleContext,
  name: string,
  target: { provider?: string; model?: string } | undefined,
  path: Path,
): void {
  const { providers = {} } = context.draft;
  const wanted = target?.provider;
  if (wanted !== undefined && !Object.hasOwn(providers, wanted)) {
    const known = context.types.flatMap(({ environment }) => environment).find(({ provider }) => provider === wanted);
    const variables = [...(known?.apiKey ?? []), ...(known?.apiKey.length === 0 ? known.baseUrl : [])];
    const otherwise = 'add it to providers';
    const hint =
      variables.length > 0
        ? `set ${variables.join(' or ')}, or add it to providers`
        : suggestion(wanted, Object.keys(providers), otherwise);
    const shown = shownName(context, [...path, 'provider'], wanted);
    report(context, [...path, 'provider'], `there is no provider ${shown}`, hint);
  } else if (wanted !== undefined && providers[wanted]?.enabled === false) {
    context.findings.warnings.push(
      `models ${name}: the target provider ${wanted} is not enabled, so ${path[2] === 'shadow' ? 'nothing is copied' : 'this target is never used'}`,
    );
  }
  if (target?.model === '*' && !name.endsWith('*')) {
    report(
      context,
      [...path, 'model'],
      '"*" takes what a pattern matched, and this model name is no pattern',
      'name the upstream model',
    );
  } else if (target?.model !== '*' && target?.model?.includes('*')) {
    report(context, [...path, 'model'], 'an upstream model is either one name or "*" alone', 'write "*", or the whole name');
  }
}
