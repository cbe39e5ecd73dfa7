import type { ProviderType } from '../providers/provider.ts';
import { describeConfig, describeProviders, redactConfig } from './describe.ts';
import { ConfigError, type LoadedConfig, loadConfig } from './load.ts';

/** What a run of the check prints and how it ends. */
export interface Report {
  readonly stdout: string;
  readonly stderr: string;
  /** 0 fine, 1 problems, 2 wrong usage. */
  readonly exitCode: number;
}

export interface ReportOptions {
  /** Command line without runtime and script. */
  readonly args: readonly string[];
  readonly root: string;
  readonly env: NodeJS.ProcessEnv;
  readonly types: readonly ProviderType[];
  readonly cwd?: string;
}

const usage = `Usage: npm run check [-- --json]

Reads the configuration as the server would, and prints the effective values, secrets redacted, each with its origin.
Starts nothing and connects to nothing.

  --json   one JSON document: config, origins, providers, warnings, files; or problems
  --help   this text

Exit code: 0 when the configuration is valid, 1 when it is not, 2 for an unknown argument.
`;

/** The configuration check as a function of its surroundings. */
export function checkReport({ args, ...options }: ReportOptions): Report {
  if (args.includes('--help') || args.includes('-h')) return { stdout: usage, stderr: '', exitCode: 0 };
  const unknown = args.find((argument) => argument !== '--json');
  if (unknown !== undefined) return { stdout: '', stderr: `Unknown argument ${unknown}.\n\n${usage}`, exitCode: 2 };
  const json = args.includes('--json');
  try {
    const loaded = loadConfig(options);
    return { stdout: json ? asJson(loaded, options.types) : asText(loaded, options.types), stderr: '', exitCode: 0 };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    if (json)
      return {
        stdout: `${JSON.stringify({ problems: error.problems, warnings: error.warnings }, null, 2)}\n`,
        stderr: '',
        exitCode: 1,
      };
    return { stdout: '', stderr: error.message, exitCode: 1 };
  }
}

function asText(loaded: LoadedConfig, types: readonly ProviderType[]): string {
  const lines = describeConfig(loaded);
  lines.push('', '# Providers and where their requests go:');
  const providers = describeProviders(loaded.config, types);
  const width = Math.max(0, ...providers.map(({ name }) => name.length));
  for (const { name, type, enabled, baseUrl } of providers) {
    const place = enabled ? baseUrl || 'answers in this process' : 'disabled';
    lines.push(`#   ${name.padEnd(width)}  ${place}  (${type})`);
  }
  if (providers.length === 0) lines.push('#   none');
  if (loaded.warnings.length > 0) lines.push('', '# Warnings:', ...loaded.warnings.map((warning) => `#   ${warning}`));
  return `${lines.join('\n')}\n`;
}

function asJson({ config, origins, warnings, files }: LoadedConfig, types: readonly ProviderType[]): string {
  const providers = describeProviders(config, types);
  const document = { config: redactConfig(config), origins: Object.fromEntries(origins), providers, warnings, files };
  return `${JSON.stringify(document, null, 2)}\n`;
}
