import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ConfigError, type LoadedConfig, loadConfig, type Problem } from '../../config/load.ts';
import type { ProviderType } from '../../providers/provider.ts';
import { whenDone } from '../helper/cleanup.ts';

const base = { dialect: 'x', defaults: {}, presets: {}, environment: [], translate: () => null } satisfies Omit<
  ProviderType,
  'type'
>;

/** A vendor with a key and its own host. */
export const vendor: ProviderType = {
  ...base,
  type: 'vendor',
  defaults: { base_url: 'https://api.vendor.test', vendorHost: true, keyVariable: 'VENDOR_API_KEY' },
  environment: [{ provider: 'vendor', apiKey: ['VENDOR_API_KEY', 'VENDOR_KEY_2'], baseUrl: ['VENDOR_BASE_URL'] }],
};
/** Any server of a known dialect; one preset without keys, one with its own header. */
export const generic: ProviderType = {
  ...base,
  type: 'generic',
  defaults: { keyless: true },
  presets: {
    local: { base_url: 'http://127.0.0.1:11434', keyless: true },
    cloud: { version: 'openai/v1', keyless: false, auth: { header: 'Api-Key', scheme: '' } },
    tenant: { base_url: 'https://TENANT.cloud.test/v1', keyless: false },
  },
  environment: [{ provider: 'local', preset: 'local', apiKey: [], baseUrl: ['LOCAL_BASE_URL', 'LOCAL_HOST'] }],
};
/** Answers in process. */
export const inProcess: ProviderType = { ...base, type: 'echo', serve: () => ({ status: 200, headers: {}, steps: [] }) };
export const types: readonly ProviderType[] = [vendor, generic, inProcess];

/** A gateway key that is strong enough. */
export const strong = 'kR8vQ2mN5tX9wB3cF7hJ';

export interface Sources {
  /** Contents of `$CONFIG_FILE`. */
  readonly file?: string;
  /** More files, by path below the root. */
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: NodeJS.ProcessEnv;
  readonly overlay?: object;
  readonly types?: readonly ProviderType[];
}

/** A project root of its own with the real defaults, gone when the test is over. */
export function makeRoot(files: Readonly<Record<string, string>> = {}): string {
  const root = mkdtempSync(join(tmpdir(), 'postern-config-'));
  whenDone(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(join(root, 'config'));
  copyFileSync(join(import.meta.dirname, '../../config/default.yaml'), join(root, 'config/default.yaml'));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

/** Loads from the given sources; the file is called `my.yaml`. */
export function load({ file, files = {}, env = {}, overlay, types: known = types }: Sources = {}): LoadedConfig {
  const root = makeRoot(file === undefined ? files : { ...files, 'my.yaml': file });
  const variables = file === undefined ? env : { CONFIG_FILE: 'my.yaml', ...env };
  return loadConfig({ root, cwd: root, env: variables, types: known, ...(overlay === undefined ? {} : { overlay }) });
}

/** The refusal of the given sources; fails when they are accepted. */
export function refusal(sources: Sources): ConfigError {
  try {
    load(sources);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('the configuration was accepted');
}

/** The only problem of the given sources; fails when there are others. */
export function onlyProblem(sources: Sources): Problem {
  const { problems, message } = refusal(sources);
  if (problems.length !== 1) throw new Error(`expected one problem: ${message}`);
  return problems[0]!;
}
