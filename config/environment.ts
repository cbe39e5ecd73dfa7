import { resolve } from 'node:path';
import type { ProviderType } from '../providers/provider.ts';
import { readText } from './files.ts';
import type { Findings } from './problems.ts';

/** Largest file that a `NAME_FILE` variable may point at, bytes. */
const MAX_SECRET_FILE = 65_536;

/** Variables that are one setting each, and the dotted path they set. */
export const settings: Readonly<Record<string, string>> = {
  LISTEN: 'server.listen',
  MANAGEMENT_LISTEN: 'management.listen',
  LOG_LEVEL: 'logging.level',
  DATA_DIR: 'data_dir',
  REDIS_URL: 'redis_url',
  WORKERS: 'server.workers',
  AUTH_MODE: 'auth.mode',
  ADMIN_API_KEY: 'management.admin_api_key',
  ENCRYPTION_KEY: 'encryption_key',
};

/** Variables with a meaning of their own, and the dotted path that problems with them are reported at. */
const special: Readonly<Record<string, string>> = {
  PORT: 'server.listen',
  GATEWAY_API_KEYS: 'keys',
  PREVIOUS_ENCRYPTION_KEYS: 'previous_encryption_keys',
};

/** One variable that is set to something. */
export interface Variable {
  readonly value: string;
  /** `environment NAME` or `environment NAME_FILE`. */
  readonly origin: string;
}

/** The environment as the configuration sees it. */
export interface Environment {
  /** One of our own variables, from itself or its `_FILE`; undefined when unset or empty. */
  get(name: string): Variable | undefined;
  /** Any variable, for `${NAME}`. Remembers the name as in use. */
  value(name: string): string | undefined;
  /** Names asked for by `value`. */
  readonly used: ReadonlySet<string>;
}

/** Every variable that means something to us, with the path that it sets. */
export function knownVariables(types: readonly ProviderType[]): Map<string, string> {
  const known = new Map<string, string>([...Object.entries(settings), ...Object.entries(special)]);
  known.set('CONFIG_FILE', '');
  known.set('NODE_ENV', '');
  for (const { environment } of types) {
    for (const { provider, apiKey, baseUrl } of environment) {
      for (const name of apiKey) known.set(name, `providers.${provider}.api_key`);
      for (const name of baseUrl) known.set(name, `providers.${provider}.base_url`);
    }
  }
  return known;
}

/** Reads our variables and their `_FILE` forms. A file that cannot be read and a variable given twice are problems. */
export function readEnvironment(
  env: NodeJS.ProcessEnv,
  types: readonly ProviderType[],
  cwd: string,
  findings: Findings,
): Environment {
  const own = new Map<string, Variable>();
  const used = new Set<string>();
  for (const [name, path] of knownVariables(types)) {
    const direct = env[name] || undefined;
    const file = name === 'NODE_ENV' ? undefined : env[`${name}_FILE`] || undefined;
    if (direct !== undefined && file !== undefined) {
      findings.add(path, `environment ${name}`, `both ${name} and ${name}_FILE are set`, 'unset one of the two');
    }
    if (direct !== undefined) own.set(name, { value: direct, origin: `environment ${name}` });
    else if (file !== undefined) {
      const value = readSecretFile(name, resolve(cwd, file), path, findings);
      if (value !== null) own.set(name, { value, origin: `environment ${name}_FILE` });
    }
  }
  return {
    used,
    get: (name) => own.get(name),
    value(name) {
      used.add(name);
      return own.get(name)?.value ?? (env[name] || undefined);
    },
  };
}

function readSecretFile(name: string, file: string, path: string, findings: Findings): string | null {
  const where = `environment ${name}_FILE`;
  const read = readText(file, MAX_SECRET_FILE);
  if (!('text' in read)) {
    findings.incomplete = true;
    findings.add(path, where, `the file ${file} ${read.reason}`, `correct ${name}_FILE, or put the value itself into ${name}`);
    return null;
  }
  findings.files.push(file);
  const value = read.text.replace(/[\r\n]+$/, '');
  if (value !== '') return value;
  findings.add(path, where, `the file ${file} is empty`, 'write the value into it');
  return null;
}
