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
  const first = (config.auth.mode === 'client' ? list.find(takesCallersKeys) : undefined) ?? local[0] ?? list[0];
  // Whose keys a model of several providers takes is for its callers to find out.
  const configured = config.auth.mode === 'client' ? undefined : Object.keys(config.models).find((name) => !name.endsWith('*'));
  const sample =
    configured ??
    (first === undefined
      ? 'MODEL'
      : `${first.name}/${first.type.builtin?.[0]?.id ?? first.config.models?.[0] ?? exampleOf(first)}`);
  const header = credential(config.auth.mode);
  const socket = urls.api.startsWith('unix:') ? `--unix-socket ${urls.api.slice(5)} http://localhost` : urls.api;
  const variable = types.flatMap((type) => type.environment).find((entry) => entry.apiKey.length > 0)?.apiKey[0];
  const lines = [
    '',
    `postern listens on ${urls.api} (OpenAI base URL: ${urls.api}/v1)`,
    `  management   ${urls.management} (health, metrics, /docs${config.management.admin_api_key === undefined ? '' : ', admin API'})`,
    `  keys         ${keys(config.auth.mode, Object.keys(config.keys).length, config.management.admin_api_key !== undefined, keyless, list)}`,
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

const takesCallersKeys = ({ config }: ProviderInstance): boolean => config.accept_client_keys === true;

function credential(mode: string | undefined): string {
  if (mode === 'none') return '';
  return ` -H "authorization: Bearer $YOUR_${mode === 'client' ? 'PROVIDER' : 'GATEWAY'}_KEY"`;
}

function keys(
  mode: string | undefined,
  count: number,
  admin: boolean,
  keyless: LoadedConfig['keyless'],
  providers: readonly ProviderInstance[],
): string {
  const taking = providers.filter(takesCallersKeys).map(({ name }) => name);
  const ours = `${count} gateway ${count === 1 ? 'key' : 'keys'}${admin ? ' in the configuration, others by the admin API' : ''}`;
  if (mode === 'client') return `callers send their own of ${taking.join(', ')} (auth.mode: client)`;
  if (mode === 'hybrid') return `${ours}; callers may bring their own of ${taking.join(', ')} (auth.mode: hybrid)`;
  if (mode === 'gateway') return ours;
  return keyless === 'derived'
    ? `none asked for on this machine (set GATEWAY_API_KEYS${admin ? ', or AUTH_MODE=gateway for those of the admin API,' : ''} to ask for one)`
    : 'none asked for (auth.mode: none)';
}
