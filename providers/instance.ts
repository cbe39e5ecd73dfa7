import type { ApiKeyConfig, Config, ProviderConfig } from '../schemas/config.ts';
import type { Credential, HeaderMap, Operation, ProviderDefaults, ProviderInstance, ProviderType } from './provider.ts';

/** Every operation, in the order of the catalogue. */
export const operations: readonly Operation[] = ['chat', 'embeddings', 'responses'];

/** A `providers.*` entry, as written or as the frozen snapshot holds it. */
export type ProviderEntry = Readonly<ProviderConfig> | Config['providers'][string];

/** Headers that belong to the connection or the message framing (RFC 9110 7.6.1, 9112 6): never configurable. */
export const transportHeaders: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** What type and preset say before the entry does: type < preset. An unknown preset adds nothing. */
export function providerDefaults(type: ProviderType, preset: string | undefined): ProviderDefaults {
  return layer(type.defaults, preset !== undefined && Object.hasOwn(type.presets, preset) ? type.presets[preset]! : {});
}

/**
 * One provider with its settings resolved: type defaults < preset < entry, maps merged key by key. The entry is taken
 * to be valid (the configuration loader has checked it); a base URL that is none throws a TypeError.
 */
export function createInstance(name: string, entry: ProviderEntry, type: ProviderType): ProviderInstance {
  const written = entry as Readonly<ProviderConfig>;
  const defaults = providerDefaults(type, written.preset);
  const {
    vendorHost = false,
    priceProvider: _price,
    keyVariable: _variable,
    exampleModel: _example,
    keyless: _keyless,
    ...preset
  } = defaults;
  const config = { ...layer(preset, written), type: type.type } as ProviderConfig;
  const local = type.serve !== undefined;
  const baseUrl = local ? '' : resolveBaseUrl(config.base_url ?? '', config.version);
  const url = local ? null : new URL(baseUrl);
  return {
    name,
    type,
    config,
    baseUrl,
    origin: url?.origin ?? '',
    path: url?.pathname.replace(/\/$/, '') ?? '',
    query: encodeQuery(config.query ?? {}),
    headers: headersOf(defaults.headers ?? {}, written.headers ?? {}),
    credentials: credentialsOf(config, written.headers ?? {}),
    operations: new Set((config.operations ?? operations) as Operation[]),
    vendorHost: !local && vendorHost && written.base_url === undefined,
  };
}

/**
 * A base URL with its version segment and without trailing slash. A path that already ends in a version (`/v1`,
 * `/v1beta`, `/openai/v1`, `/v1beta/openai`) is taken as it is; otherwise `version` (default `v1`) is added, and what
 * the path already has of it is not repeated. `''` adds nothing. Throws a TypeError for what is no URL.
 */
export function resolveBaseUrl(baseUrl: string, version = 'v1'): string {
  const url = new URL(baseUrl);
  const path = url.pathname.split('/').filter((segment) => segment !== '');
  const added = version.split('/').filter((segment) => segment !== '');
  if (added.length > 0 && !endsInVersion(path)) {
    let shared = Math.min(path.length, added.length);
    while (shared > 0 && added.slice(0, shared).join('/') !== path.slice(-shared).join('/')) shared--;
    path.push(...added.slice(shared));
  }
  return [url.origin, ...path].join('/');
}

function endsInVersion(path: readonly string[]): boolean {
  const version = /^v\d+(?:\.\d+)?(?:(?:alpha|beta|preview)\d*)?$/;
  return version.test(path.at(-1) ?? '') || (path.at(-1) === 'openai' && version.test(path.at(-2) ?? ''));
}

/** `above` over `below`: maps merge one level deep, everything else replaces, what is undefined does not count. */
function layer<T extends object>(below: T, above: object): T {
  const merged = { ...below } as Record<string, unknown>;
  for (const [key, value] of Object.entries(above)) {
    const under = merged[key];
    if (value !== undefined) merged[key] = isMap(value) && isMap(under) ? { ...under, ...value } : value;
  }
  return merged as object as T;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Type's and preset's headers < the entry's; names in lower case. */
function headersOf(defaults: HeaderMap, written: HeaderMap): HeaderMap {
  const headers: Record<string, string> = {};
  for (const [header, value] of Object.entries(defaults)) headers[header.toLowerCase()] = value;
  for (const [name, value] of Object.entries(written)) headers[name.toLowerCase()] = value;
  return headers;
}

/** Where no key is configured: nothing is added to a request. */
export const noCredential: Credential = Object.freeze({ id: '1', weight: 1, headers: Object.freeze({}) });

/** The keys of an instance from now on, such as were added by the admin API; nobody keeps the list. Empty: none. */
export function useCredentials(instance: ProviderInstance, credentials: readonly Credential[]): void {
  const list = credentials.length === 0 ? [noCredential] : credentials;
  (instance as { credentials: readonly Credential[] }).credentials = list;
}

/** Whether a key would be sent: not where the provider answers in this process, or where a header of the entry stands above keys. */
export function takesKeys({ type, config, headers }: ProviderInstance): boolean {
  return type.serve === undefined && !Object.hasOwn(headers, (config.auth?.header ?? 'authorization').toLowerCase());
}

/** A credential for one more key of a provider: in the header, and after the scheme, that its configuration names. */
export function credentialWith(config: Readonly<ProviderConfig>, key: string, id: string, weight = 1): Credential {
  const { header = 'authorization', scheme = 'Bearer' } = config.auth ?? {};
  return { id, weight, headers: { [header.toLowerCase()]: scheme === '' ? key : `${scheme} ${key}` } };
}

/** One for each key. A header that the entry writes itself stands above the keys. */
function credentialsOf(config: ProviderConfig, written: HeaderMap): readonly Credential[] {
  const name = (config.auth?.header ?? 'authorization').toLowerCase();
  const own = Object.keys(written).some((each) => each.toLowerCase() === name);
  const keys = config.api_keys ?? (config.api_key === undefined || config.api_key === '' ? [] : [{ key: config.api_key }]);
  if (own || keys.length === 0) return [noCredential];
  return keys.map(({ key, name: id, weight }: ApiKeyConfig, at) => credentialWith(config, key, id ?? String(at + 1), weight));
}

function encodeQuery(query: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(query).map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}
