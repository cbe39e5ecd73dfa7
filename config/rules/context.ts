import type { ProviderType } from '../../providers/provider.ts';
import type { Config } from '../../schemas/config.ts';
import type { Findings } from '../problems.ts';
import { formatPath, type Path } from '../tree.ts';

type Partial<T> = T extends readonly (infer U)[]
  ? Partial<U>[]
  : T extends object
    ? { -readonly [K in keyof T]?: Partial<T[K]> }
    : T;

/** The configuration after validation and before freezing; what was invalid is left out. */
export type Draft = Partial<Config>;
export type DraftProvider = NonNullable<NonNullable<Draft['providers']>[string]>;

/** What the checks across blocks need: the draft and a way to report. */
export interface RuleContext {
  readonly draft: Draft;
  readonly types: readonly ProviderType[];
  /** What relative paths start at. */
  readonly cwd: string;
  readonly findings: Findings;
  readonly origins: Map<string, string>;
}

/** Where the value at a path came from; for one that is not there, where the nearest one around it did. */
export function originOf(origins: ReadonlyMap<string, string>, path: Path): string {
  for (let length = path.length; length > 0; length--) {
    const origin = origins.get(formatPath(path.slice(0, length)));
    if (origin !== undefined) return origin;
  }
  return 'configuration';
}

/** A name as messages may show it: what came out of the environment may be a secret that was put into the wrong setting. */
export function shownName({ origins }: RuleContext, path: Path, name: string): string {
  return /^environment | via \$\{/.test(originOf(origins, path)) ? 'of that name' : name;
}

/** Reports a problem at a path, unless one is known there already. */
export function report({ findings, origins }: RuleContext, path: Path, message: string, hint: string): void {
  const name = formatPath(path);
  if (!findings.has(name)) findings.add(name, originOf(origins, path), message, hint);
}

/** The enabled providers with their types; those of an unknown type are left out. */
export function enabledProviders({ draft, types }: RuleContext): { name: string; entry: DraftProvider; type: ProviderType }[] {
  return Object.entries(draft.providers ?? {}).flatMap(([name, entry]) => {
    const type = types.find((candidate) => candidate.type === entry?.type);
    return entry === undefined || type === undefined || entry.enabled === false ? [] : [{ name, entry, type }];
  });
}
