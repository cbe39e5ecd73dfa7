import { strategies } from '../../plugins/router/strategies/index.ts';
import { suggestion } from '../nearest.ts';
import { type RuleContext, report, shownName } from './context.ts';
import { checkPattern } from './patterns.ts';

/** Checks names, patterns, targets and fallbacks of `models`, and the patterns of `keys.*.models`. */
export function checkModels(context: RuleContext): void {
  const { models = {}, keys = {} } = context.draft;
  for (const [name, model] of Object.entries(models)) {
    checkPattern(context, ['models', name], name);
    checkStrategy(context, name, model?.strategy);
    const targets = model?.targets ?? [];
    for (const [index, target] of targets.entries()) checkTarget(context, name, target, index);
    if (targets.length > 0 && targets.every((target) => target?.weight === 0)) {
      report(
        context,
        ['models', name, 'targets'],
        'every weight is 0, so no target would ever be chosen',
        'give one a weight above 0',
      );
    }
    for (const [index, fallback] of (model?.fallbacks ?? []).entries()) checkFallback(context, name, fallback, index);
  }
  checkCycles(context);
  for (const [name, key] of Object.entries(keys)) {
    key?.models?.forEach((pattern, index) => {
      checkPattern(context, ['keys', name, 'models', index], pattern ?? '');
    });
  }
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
  index: number,
): void {
  const path = ['models', name, 'targets', index];
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
    context.findings.warnings.push(`models ${name}: the target provider ${wanted} is not enabled, so this target is never used`);
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

function checkFallback(context: RuleContext, name: string, fallback: string | undefined, index: number): void {
  const { models = {} } = context.draft;
  if (fallback === undefined || (Object.hasOwn(models, fallback) && !fallback.endsWith('*'))) return;
  const path = ['models', name, 'fallbacks', index];
  const names = Object.keys(models).filter((candidate) => candidate !== name && !candidate.endsWith('*'));
  report(
    context,
    path,
    `there is no model ${shownName(context, path, fallback)} to fall back to`,
    suggestion(fallback, names, 'add it to models'),
  );
}

/** Fallbacks are followed model by model; a way that comes back to a model would never end. */
function checkCycles(context: RuleContext): void {
  const { models = {} } = context.draft;
  const state = new Map<string, 'open' | 'done'>();
  const visit = (name: string, trail: readonly string[]): void => {
    state.set(name, 'open');
    (models[name]?.fallbacks ?? []).forEach((next, index) => {
      if (next === undefined || !Object.hasOwn(models, next)) return;
      if (state.get(next) === 'open') {
        const cycle = [...trail.slice(trail.indexOf(next)), next].join(' -> ');
        report(
          context,
          ['models', name, 'fallbacks', index],
          `the fallbacks go round in a circle: ${cycle}`,
          'remove one of them',
        );
      } else if (!state.has(next)) visit(next, [...trail, next]);
    });
    state.set(name, 'done');
  };
  for (const name of Object.keys(models)) if (!state.has(name)) visit(name, [name]);
}
