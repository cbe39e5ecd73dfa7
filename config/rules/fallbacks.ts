import { suggestion } from '../nearest.ts';
import { type RuleContext, report, shownName } from './context.ts';

/** The lists of models that take over from another one, each for its own cause. */
const lists = ['fallbacks', 'context_window_fallbacks', 'content_policy_fallbacks'] as const;

/** Checks the lists of fallbacks of `models`: each names a model of the file, and no way leads back to where it began. */
export function checkFallbacks(context: RuleContext): void {
  for (const [name, model] of Object.entries(context.draft.models ?? {})) {
    for (const list of lists) {
      for (const [index, fallback] of (model?.[list] ?? []).entries())
        checkFallback(context, ['models', name, list, index], fallback);
    }
  }
  checkCycles(context);
}

function checkFallback(context: RuleContext, path: ['models', string, string, number], fallback: string | undefined): void {
  const { models = {} } = context.draft;
  if (fallback === undefined || (Object.hasOwn(models, fallback) && !fallback.endsWith('*'))) return;
  const names = Object.keys(models).filter((candidate) => candidate !== path[1] && !candidate.endsWith('*'));
  report(
    context,
    path,
    `there is no model ${shownName(context, path, fallback)} to fall back to`,
    suggestion(fallback, names, 'add it to models'),
  );
}

/**
 * Fallbacks are followed model by model, and a way that comes back to a model would never end. Over all lists together: who comes
 * back to a model that is too short, or that filters, finds it as it was.
 */
function checkCycles(context: RuleContext): void {
  const { models = {} } = context.draft;
  const state = new Map<string, 'open' | 'done'>();
  const visit = (name: string, trail: readonly string[]): void => {
    state.set(name, 'open');
    for (const list of lists) {
      (models[name]?.[list] ?? []).forEach((next, index) => {
        if (next === undefined || !Object.hasOwn(models, next)) return;
        if (state.get(next) === 'open') {
          const cycle = [...trail.slice(trail.indexOf(next)), next].join(' -> ');
          const path = ['models', name, list, index];
          report(context, path, `the fallbacks go round in a circle: ${cycle}`, 'remove one of them');
        } else if (!state.has(next)) visit(next, [...trail, next]);
      });
    }
    state.set(name, 'done');
  };
  for (const name of Object.keys(models)) if (!state.has(name)) visit(name, [name]);
}
