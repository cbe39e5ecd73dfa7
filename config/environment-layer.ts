import type { ProviderEnvironment, ProviderType } from '../providers/provider.ts';
import { type Environment, settings, type Variable } from './environment.ts';
import { typed } from './interpolate.ts';
import { formatListen, parseListen } from './listen.ts';
import type { Findings } from './problems.ts';
import { emptyMap, type Leaf, type ListTree, lookup, type MapTree, merge, nest, type Removed } from './tree.ts';

/**
 * What the environment sets, as a tree over `files` (the merged lower layers, which decide whether a provider is
 * already there, which key names are taken and which host `PORT` belongs to).
 */
export function environmentLayer(
  environment: Environment,
  types: readonly ProviderType[],
  files: MapTree,
  findings: Findings,
): MapTree {
  let layer = emptyMap('environment');
  const put = (path: readonly string[], leaf: Leaf | ListTree | Removed) => {
    layer = merge(layer, nest(path, leaf));
  };
  for (const [name, path] of Object.entries(settings)) {
    const variable = environment.get(name);
    if (variable !== undefined) put(path.split('.'), leafOf(variable));
  }
  const port = environment.get('PORT');
  if (port !== undefined) {
    const listen = lookup(layer, ['server', 'listen']) ?? lookup(files, ['server', 'listen']);
    const moved = withPort(listen?.kind === 'leaf' ? (listen.text ?? listen.value) : null, port, findings);
    if (moved !== null) put(['server', 'listen'], moved);
  }
  const keys = environment.get('GATEWAY_API_KEYS');
  if (keys !== undefined) {
    const known = lookup(files, ['keys']);
    const taken = new Set(known?.kind === 'map' ? known.entries.keys() : []);
    for (const [name, secret] of gatewayKeys(keys, taken, findings)) {
      put(['keys', name, 'secret'], leafOf({ value: secret, origin: keys.origin }));
    }
  }
  const previous = environment.get('PREVIOUS_ENCRYPTION_KEYS');
  if (previous !== undefined) put(['previous_encryption_keys'], listOf(previous));
  for (const type of types) {
    for (const entry of type.environment) providerSwitch(type, entry, environment, merge(files, layer), put, findings);
  }
  return layer;
}

/** A number, boolean or text as an unquoted YAML value would be; where the schema wants a text, it stays one. */
function leafOf({ value, origin }: Variable): Leaf {
  return { kind: 'leaf', value: typed(value) ?? value, origin, text: value };
}

/** Parts between commas or line breaks, as texts. */
function listOf({ value, origin }: Variable): ListTree {
  const parts = value.split(/[,\r\n]/).map((part) => part.trim());
  const items = parts.filter((part) => part !== '').map((part): Leaf => ({ kind: 'leaf', value: part, origin, text: part }));
  return { kind: 'list', items, origin };
}

function withPort(listen: unknown, { value, origin }: Variable, findings: Findings): Leaf | null {
  const port = /^\d{1,5}$/.test(value) ? Number(value) : 65_536;
  if (port > 65_535) {
    findings.add('server.listen', origin, 'the value is not a port', 'set PORT to a number from 0 to 65535');
    return null;
  }
  const address = parseListen(typeof listen === 'string' ? listen : '127.0.0.1:0');
  if (typeof address === 'string') return null; // reported where the address is written
  if (address.kind === 'unix') {
    findings.add(
      'server.listen',
      origin,
      'PORT is set, but the listener is a unix socket',
      'unset PORT, or give LISTEN a host and port',
    );
    return null;
  }
  const moved = formatListen({ ...address, port });
  return { kind: 'leaf', value: moved, origin, text: moved };
}

/**
 * `name=secret,name2=secret2,baresecret` (commas or line breaks). A secret may hold `=`: what is before the first one
 * is a name only if it looks like one and at least 20 characters follow. Bare secrets become `key-1`, `key-2`…
 */
function gatewayKeys({ value, origin }: Variable, taken: ReadonlySet<string>, findings: Findings): Map<string, string> {
  const found = new Map<string, string>();
  const bare: string[] = [];
  for (const part of value.split(/[,\r\n]/)) {
    const entry = part.trim();
    if (entry === '') continue;
    const named = /^([A-Za-z0-9_-]{1,64})=(.{20,})$/.exec(entry);
    if (named === null) {
      bare.push(entry);
      continue;
    }
    const [, name = '', secret = ''] = named;
    if (found.has(name)) findings.add(`keys.${name}`, origin, `the name ${name} is given twice`, 'give every key its own name');
    found.set(name, secret);
  }
  let number = 0;
  for (const secret of bare) {
    do number++;
    while (found.has(`key-${number}`) || taken.has(`key-${number}`));
    found.set(`key-${number}`, secret);
  }
  return found;
}

function providerSwitch(
  type: ProviderType,
  { provider, preset, apiKey, baseUrl }: ProviderEnvironment,
  environment: Environment,
  below: MapTree,
  put: (path: readonly string[], tree: Leaf | Removed) => void,
  findings: Findings,
): void {
  const set = (names: readonly string[]) => names.map((name) => environment.get(name)).find((variable) => variable !== undefined);
  const key = set(apiKey);
  const url = set(baseUrl);
  const defaults = { ...type.defaults, ...(preset === undefined ? {} : type.presets[preset]) };
  const reason = key ?? (defaults.keyless === true ? url : undefined);
  const written = lookup(below, ['providers', provider])?.kind === 'map';
  if (!written && reason === undefined) {
    if (url !== undefined) {
      findings.warnings.push(`${url.origin} has no effect: the provider ${provider} is off until ${apiKey.join(' or ')} is set`);
    }
    return;
  }
  if (!written && reason !== undefined) {
    const { origin } = reason;
    put(['providers', provider, 'type'], { kind: 'leaf', value: type.type, origin });
    if (preset !== undefined) put(['providers', provider, 'preset'], { kind: 'leaf', value: preset, origin });
  }
  if (key !== undefined && !isListed(key, provider, below)) {
    put(['providers', provider, 'api_key'], leafOf(key));
    const list = lookup(below, ['providers', provider, 'api_keys']);
    if (list?.kind === 'list') {
      put(['providers', provider, 'api_keys'], { kind: 'removed', origin: key.origin });
      findings.warnings.push(
        `${key.origin} wins over providers.${provider}.api_keys (${list.origin}): only that one key is used. Unset it to use the list.`,
      );
    }
  }
  if (url !== undefined) {
    const value = defaults.keyless === true ? localUrl(url.value, defaults.base_url) : url.value;
    put(['providers', provider, 'base_url'], leafOf({ value, origin: url.origin }));
  }
}

/** Whether the list of keys in the files has this one: then there is nothing to win over. */
function isListed({ value }: Variable, provider: string, files: MapTree): boolean {
  const list = lookup(files, ['providers', provider, 'api_keys']);
  if (list?.kind !== 'list') return false;
  return list.items.some((item) => {
    const key = lookup(item, ['key']);
    return key?.kind === 'leaf' && (key.text ?? key.value) === value;
  });
}

/**
 * The URL of a server without keys from a variable that may hold only `host`, `host:port` or `:port`, or the address
 * the server is bound to (`0.0.0.0`). Scheme http; the port, when there is neither one nor a scheme, of the default.
 */
function localUrl(written: string, fallback: string | undefined): string {
  const schemeless = !written.includes('://');
  const url = URL.parse(schemeless ? `http://${written.startsWith(':') ? '127.0.0.1' : ''}${written}` : written);
  if (url === null) return written; // refused by the format, which says what a URL looks like
  if (url.hostname === '0.0.0.0') url.hostname = '127.0.0.1';
  if (url.hostname === '[::]') url.hostname = '[::1]';
  const port = URL.parse(fallback ?? '')?.port ?? '';
  if (schemeless && url.port === '' && !/:80(?:$|\/)/.test(written)) url.port = port;
  return url.href.replace(/\/+$/, '');
}
