import type { ProviderType } from '../providers/provider.ts';
import { type Config, ConfigSchema } from '../schemas/config.ts';
import { deriveAuthMode, derivePresetTypes, deriveSandbox, type Keyless, withoutUnusedSecrets } from './derive.ts';
import { readEnvironment } from './environment.ts';
import { environmentLayer } from './environment-layer.ts';
import { expand } from './interpolate.ts';
import { readLayers } from './layers.ts';
import { ConfigError, Findings } from './problems.ts';
import { checkAffinity } from './rules/affinity.ts';
import { checkAuthModes } from './rules/auth-modes.ts';
import { checkConcurrency } from './rules/concurrency.ts';
import type { Draft, RuleContext } from './rules/context.ts';
import { checkKeys } from './rules/keys.ts';
import { checkLimits } from './rules/limits.ts';
import { checkListeners } from './rules/listeners.ts';
import { checkModels } from './rules/models.ts';
import { checkPrices } from './rules/prices.ts';
import { checkProviders } from './rules/providers.ts';
import { checkRedis } from './rules/redis.ts';
import { checkSecrets } from './rules/secrets.ts';
import { checkTeams } from './rules/teams.ts';
import { checkTimeouts } from './rules/timeouts.ts';
import { emptyMap, type MapTree, merge } from './tree.ts';
import { mistypedVariables } from './typos.ts';
import { validate } from './validate.ts';

export type { Keyless } from './derive.ts';
export { ConfigError, type Problem } from './problems.ts';

export interface LoadOptions {
  /** Project root, see `findRoot`. */
  readonly root: string;
  readonly env: NodeJS.ProcessEnv;
  readonly types: readonly ProviderType[];
  /** A layer above the files and below the environment, written as in a file. */
  readonly overlay?: object;
  /** What `CONFIG_FILE` and the files that variables name are relative to; default: the process's. */
  readonly cwd?: string;
}

export interface LoadedConfig {
  /** Deep-frozen; `auth.mode` is always set. */
  readonly config: Config;
  /**
   * Where each value came from, by its dotted path: `config/default.yaml:12`, `my.yaml:3 via ${NAME}`,
   * `environment NAME`, `overlay`, `derived: reason`.
   */
  readonly origins: ReadonlyMap<string, string>;
  readonly warnings: readonly string[];
  /** Absolute paths of every file read, those behind `NAME_FILE` variables included. */
  readonly files: readonly string[];
  readonly keyless: Keyless;
  /** The provider types it was checked against. */
  readonly types: readonly ProviderType[];
}

/**
 * Reads the layers `config/default.yaml` < `config/$NODE_ENV.yaml` < `$CONFIG_FILE` < overlay < environment into one
 * validated snapshot. Synchronous; reads files and nothing else. Throws `ConfigError` with every problem of every layer.
 */
export function loadConfig({ root, env, types, overlay, cwd = process.cwd() }: LoadOptions): LoadedConfig {
  const findings = new Findings();
  const environment = readEnvironment(env, types, cwd, findings);
  const nodeEnv = environment.get('NODE_ENV')?.value;
  const interpolation = {
    value: environment.value,
    malformed(where: string) {
      const hint = `write \${NAME} or \${NAME:-default}; $\${ stands for the two characters themselves`;
      findings.add('', where, 'a dollar sign and a brace start no well-formed expression', hint);
    },
  };
  let tree = emptyMap('configuration');
  for (const layer of readLayers({ root, cwd, nodeEnv, configFile: environment.get('CONFIG_FILE'), overlay }, findings)) {
    tree = merge(tree, expand(layer, interpolation) as MapTree);
  }
  tree = withoutUnusedSecrets(merge(tree, environmentLayer(environment, types, tree, findings)));

  const origins = new Map<string, string>();
  const draft = validate(ConfigSchema, tree, [], { findings, origins }) as Draft;
  const context: RuleContext = { draft, types, cwd, findings, origins };
  derivePresetTypes(context);
  deriveSandbox(context);
  const keyless = deriveAuthMode(context);
  checkListeners(context);
  checkSecrets(context);
  checkRedis(context);
  if (!findings.incomplete) {
    // What a layer that could not be read may have held would be reported as unknown or missing.
    checkProviders(context);
    checkAuthModes(context);
    checkModels(context);
    checkKeys(context);
    checkTeams(context);
    checkLimits(context);
    checkConcurrency(context);
    checkAffinity(context);
    checkTimeouts(context);
    checkPrices(context);
  }
  findings.warnings.push(...mistypedVariables(env, types, environment.used));
  if (findings.problems.length > 0) throw new ConfigError(findings.problems, findings.warnings);
  const { warnings, files } = findings;
  return { config: deepFreeze(draft) as Config, origins, warnings, files, keyless, types };
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const member of Object.values(value)) deepFreeze(member);
  }
  return value;
}
