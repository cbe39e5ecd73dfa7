import { clientDialect } from '../../providers/index.ts';
import type { ProviderType } from '../../providers/provider.ts';
import { type DraftProvider, type RuleContext, report } from './context.ts';

/** Reports settings of an entry that its type would never use: they are refused, not ignored. */
export function checkEffects(context: RuleContext, name: string, entry: DraftProvider, type: ProviderType): void {
  const path = ['providers', name];
  if (type.dialect !== clientDialect) {
    for (const setting of ['renames', 'stream_usage'] as const) {
      if (entry[setting] === undefined) continue;
      const message = `the type ${type.type} is translated to, so this has no effect`;
      report(context, [...path, setting], message, 'remove it; it is for providers of the dialect that clients speak');
    }
  }
  if (entry.context_cache?.mode === 'auto' && type.prefixes === undefined) {
    const message = `the type ${type.type} keeps no prompts by a call of its own`;
    report(context, [...path, 'context_cache', 'mode'], message, 'remove it: marks (cache_control) work where the API has them');
  }
  entry.operations?.forEach((operation, index) => {
    if (type.speaks === undefined || operation === undefined || type.speaks.some((each) => each === operation)) return;
    report(
      context,
      [...path, 'operations', index],
      `the type ${type.type} does not speak this`,
      `use: ${type.speaks.join(', ')}`,
    );
  });
}
