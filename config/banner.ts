import type { ProviderInstance } from '../providers/provider.ts';
import type { LoadedConfig } from './load.ts';

/** What a person sees after the start: what is on, where it is, and a call to try. Plain text, several lines. */
export function banner(
  { config, keyless, warnings, types }: LoadedConfig,
  providers: ReadonlyMap<string, ProviderInstance>,
  urls: { readonly api: string; readonly management: string },
): string {
  const list = [...providers.values()];
  const local = list.filter((provider) => provider.type.serve !== undefined);
  const first = local[0] ?? list[0];
  const configured = Object.keys(config.models).find((name) => !name.endsWith('*'));
  const sample =
    configured ??
    (first === undefined
      ? 'MODEL'
      : `${first.name}/${first.type.builtin?.[0]?.id ?? first.config.models?.[0] ?? exampleOf(first)}`);
  const header = config.auth.mode === 'gateway' ? ' -H "authorization: Bearer $YOUR_GATEWAY_KEY"' : '';
  const socket = urls.api.startsWith('unix:') ? `--unix-socket ${urls.api.slice(5)} http://localhost` : urls.api;
  const variable = types.flatMap((type) => type.environment).find((entry) => entry.apiKey.length > 0)?.apiKey[0];
  const lines = [
    '',
    `postern listens on ${urls.api} (OpenAI base URL: ${urls.api}/v1)`,
    `  management   ${urls.management} (health, metrics, /docs${config.management.admin_api_key === undefined ? '' : ', admin API'})`,
    `  keys         ${keys(config.auth.mode, Object.keys(config.keys).length, keyless)}`,
    ...list.map(
      (provider) =>
        `  provider     ${provider.name}: ${provider.baseUrl === '' ? 'answers in this process, no model' : provider.baseUrl}`,
    ),
    ...(local.length === list.length
      ? [`               set ${variable} (or another provider's key, see .env.example) for real models`]
      : []),
    ...warnings.map((warning) => `  warning      ${warning}`),
    '',
    `curl ${socket}/v1/chat/completions -H 'content-type: application/json'${header} \\`,
    `  -d '{"model": "${sample}", "messages": [{"role": "user", "content": "Hello"}]}'`,
    '',
  ];
  return `${lines.join('\n')}\n`;
}

/** A preset is another vendor than its type's own. */
function exampleOf({ type, config }: ProviderInstance): string {
  return (config.preset === undefined ? type.defaults.exampleModel : undefined) ?? 'MODEL';
}

function keys(mode: string | undefined, count: number, keyless: LoadedConfig['keyless']): string {
  if (mode === 'gateway') return `${count} gateway ${count === 1 ? 'key' : 'keys'}`;
  return keyless === 'derived'
    ? 'none asked for on this machine (set GATEWAY_API_KEYS to ask for one)'
    : 'none asked for (auth.mode: none)';
}
