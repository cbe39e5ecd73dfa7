import type { Path } from '../tree.ts';
import { type RuleContext, report } from './context.ts';
import { checkPattern } from './patterns.ts';

/** Checks the names of `prices`, that of two entries of one name one is newer, and that their tiers differ. */
export function checkPrices(context: RuleContext): void {
  const { prices = {}, providers = {} } = context.draft;
  for (const [name, written] of Object.entries(prices)) {
    if (written === undefined) continue;
    const path = ['prices', name];
    checkPattern(context, path, name);
    checkProvider(context, name, Object.keys(providers));
    const entries = Array.isArray(written) ? written : [written];
    const seen = new Set<string | undefined>();
    entries.forEach((entry, index) => {
      const at = Array.isArray(written) ? [...path, index] : path;
      const from = entry?.from === undefined ? undefined : new Date(entry.from).toISOString();
      if (seen.has(from)) {
        const message = from === undefined ? 'two entries have no `from`' : 'two entries begin at the same time';
        report(context, [...at, 'from'], message, 'give each its own day: the newest that has begun holds');
      }
      seen.add(from);
      checkTiers(context, at, entry?.tiers ?? []);
    });
  }
}

/** A name that no target has prices nothing; the provider may be one that another start turns on, so it is no error. */
function checkProvider({ findings }: RuleContext, name: string, providers: readonly string[]): void {
  const slash = name.indexOf('/');
  const matches = (provider: string) => {
    if (slash > 0) return provider === name.slice(0, slash);
    return name.endsWith('*') && provider.startsWith(name.slice(0, -1));
  };
  if (providers.some(matches)) return;
  findings.warnings.push(`prices ${name}: no provider has that name, so this price is never used (write provider/model)`);
}

function checkTiers(context: RuleContext, path: Path, tiers: readonly ({ above?: number } | undefined)[]): void {
  const seen = new Set<number>();
  tiers.forEach((tier, index) => {
    if (tier?.above === undefined) return;
    if (seen.has(tier.above)) {
      report(context, [...path, 'tiers', index, 'above'], 'two tiers begin at the same number of tokens', 'remove one of them');
    }
    seen.add(tier.above);
  });
}
