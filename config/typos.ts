import type { ProviderType } from '../providers/provider.ts';
import { knownVariables } from './environment.ts';
import { distance } from './nearest.ts';

/** Names that people use for our variables because other tools do. */
const aliases: Readonly<Record<string, string>> = {
  ADMIN_KEY: 'ADMIN_API_KEY',
  GATEWAY_KEY: 'GATEWAY_API_KEYS',
  GATEWAY_KEYS: 'GATEWAY_API_KEYS',
  CONFIG_PATH: 'CONFIG_FILE',
  LOGLEVEL: 'LOG_LEVEL',
};

/** Warnings about variables that look like ours and are not; those that the files use (`${NAME}`) are not meant. */
export function mistypedVariables(env: NodeJS.ProcessEnv, types: readonly ProviderType[], used: ReadonlySet<string>): string[] {
  const known = new Set(knownVariables(types).keys());
  const ours = (name: string) => known.has(name) || (name.endsWith('_FILE') && known.has(name.slice(0, -5)));
  const warnings: string[] = [];
  for (const name of Object.keys(env).sort()) {
    if ((env[name] ?? '') === '' || used.has(name) || ours(name)) continue;
    const meant = guess(name, known);
    if (meant !== null) warnings.push(`environment ${name} is not a variable of this program; did you mean ${meant}?`);
    else if (name.startsWith('POSTERN_'))
      warnings.push(`environment ${name} is not a variable of this program and is ignored; see docs/configuration.md`);
  }
  return warnings;
}

function guess(name: string, known: ReadonlySet<string>): string | null {
  const bare = name.replace(/^POSTERN_/, '');
  const spellings = [
    bare,
    aliases[bare],
    bare.replace(/_(?:API_BASE|BASE|API_URL|API_BASE_URL|URL)$/, '_BASE_URL'),
    bare.replace(/_KEY$/, '_API_KEY'),
  ];
  for (const spelling of spellings) if (spelling !== undefined && known.has(spelling)) return spelling;
  // Short names are one letter away from too many others.
  if (bare.length < 8) return null;
  return [...known].find((candidate) => distance(bare, candidate, 1) <= 1) ?? null;
}
