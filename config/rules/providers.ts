import { resolve } from 'node:path';
import { operations, type ProviderEntry, providerDefaults, transportHeaders } from '../../providers/instance.ts';
import type { ProviderDefaults, ProviderType } from '../../providers/provider.ts';
import { readText } from '../files.ts';
import { suggestion } from '../nearest.ts';
import type { Path } from '../tree.ts';
import { checkApiKeys } from './api-keys.ts';
import { isServedByCallersKeys } from './auth-modes.ts';
import { type DraftProvider, type RuleContext, report, shownName } from './context.ts';
import { checkEffects } from './effects.ts';
import { checkPattern } from './patterns.ts';
import { checkProbe } from './probes.ts';

/** Checks every provider entry against its type: names, operations, credential, base URL, headers, files. */
export function checkProviders(context: RuleContext): void {
  for (const [name, entry] of Object.entries(context.draft.providers ?? {})) {
    if (entry === undefined) continue;
    checkNames(context, name, entry);
    checkHeaders(context, name, entry);
    checkPatterns(context, name, entry);
    if (entry.ca_file !== undefined) checkFile(context, name, entry.ca_file);
    const type = context.types.find((candidate) => candidate.type === entry.type);
    if (type !== undefined) {
      checkEffects(context, name, entry, type);
      checkApiKeys(context, name, entry, type);
      checkProbe(context, name, entry, type);
    }
    if (type !== undefined && type.serve === undefined && entry.enabled !== false) checkReachable(context, name, entry, type);
  }
}

function checkNames(context: RuleContext, name: string, entry: DraftProvider): void {
  const { types } = context;
  const type = types.find((candidate) => candidate.type === entry.type);
  if (entry.type !== undefined && type === undefined) {
    const known = types.map((candidate) => candidate.type).join(', ');
    report(
      context,
      ['providers', name, 'type'],
      'this provider type is unknown',
      `use one of: ${known}; or the name of a preset`,
    );
  }
  if (type !== undefined && entry.preset !== undefined && !Object.hasOwn(type.presets, entry.preset)) {
    const known = Object.keys(type.presets);
    const hint = known.length === 0 ? 'remove it: this type has no presets' : `use one of: ${known.join(', ')}`;
    report(context, ['providers', name, 'preset'], `the type ${type.type} has no such preset`, hint);
  }
  entry.operations?.forEach((operation, index) => {
    if ((operations as readonly (string | undefined)[]).includes(operation)) return;
    const hint = suggestion(String(operation), operations, '');
    report(context, ['providers', name, 'operations', index], 'this operation is unknown', hint);
  });
}

function checkPatterns(
  context: RuleContext,
  name: string,
  { model_info: info = {}, context_cache: cache = {} }: DraftProvider,
): void {
  const path = ['providers', name];
  for (const model of Object.keys(info)) checkPattern(context, [...path, 'model_info', model], model);
  for (const model of Object.keys(cache.min_tokens ?? {}))
    checkPattern(context, [...path, 'context_cache', 'min_tokens', model], model);
  cache.models?.forEach((model, index) => {
    checkPattern(context, [...path, 'context_cache', 'models', index], model ?? '');
  });
}

function checkReachable(context: RuleContext, name: string, entry: DraftProvider, type: ProviderType): void {
  const defaults = providerDefaults(type, entry.preset);
  const path = ['providers', name];
  const url = entry.base_url ?? defaults.base_url;
  if (url === undefined) {
    report(context, [...path, 'base_url'], `a provider of type ${type.type} needs a base URL`, 'write base_url: https://host/v1');
  } else if (url === defaults.base_url && /^\w+:\/\/[^/]*[A-Z]/.test(url)) {
    // A preset writes the part of the host that every customer has for himself in capitals.
    report(
      context,
      [...path, 'base_url'],
      'this preset needs the base URL of your own resource',
      `write base_url in the form of ${url}`,
    );
  }
  const foreign = type.foreignPaths?.find(({ end }) => pathOf(url).endsWith(end));
  if (entry.base_url !== undefined && foreign !== undefined) {
    const message = `the type ${type.type} does not speak what is at a URL that ends in ${foreign.end}`;
    report(context, [...path, 'base_url'], message, foreign.hint);
  }
  const credential = entry.api_key ?? defaults.api_key;
  const otherwise =
    entry.api_keys !== undefined ||
    isServedByCallersKeys(context, entry) ||
    defaults.keyless === true ||
    entry.auth !== undefined ||
    Object.keys(entry.headers ?? {}).length > 0;
  if (entry.api_key === '') report(context, [...path, 'api_key'], 'the API key is empty', 'write the key, or remove the line');
  else if (credential === undefined && !otherwise) {
    report(context, [...path, 'api_key'], 'this provider needs an API key and has none', keyHint(context, name, defaults));
  }
}

/** The path of a base URL without a slash at its end; '' when there is none. */
function pathOf(url: string | undefined): string {
  return URL.parse(url ?? '')?.pathname.replace(/\/+$/, '') ?? '';
}

/** The variable of the entry's name sets its key; any other one has to be written into the entry. */
function keyHint({ types }: RuleContext, name: string, { keyVariable = 'NAME' }: ProviderDefaults): string {
  const own = types.flatMap(({ environment }) => environment).find(({ provider }) => provider === name)?.apiKey ?? [];
  const later = 'api_keys: [] for keys that are added through the admin API';
  if (own.length > 0) return `set ${own.join(' or ')}, or write api_key into providers.${name}, or ${later}`;
  return `write api_key: \${${keyVariable}} into providers.${name} and put the key into that variable, or ${later}`;
}

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

function checkHeaders(context: RuleContext, name: string, entry: DraftProvider): void {
  const path = ['providers', name];
  const { api_key: key, api_keys: keys = [], auth, headers = {}, query = {} } = entry as Partial<ProviderEntry>;
  const checkName = (header: string, at: readonly string[]) => {
    if (!token.test(header)) report(context, at, 'this is not a header name', 'use letters, digits and -');
    else if (transportHeaders.has(header.toLowerCase())) {
      report(context, at, 'this header belongs to the connection, not to the provider', 'remove it: it is set for every request');
    }
  };
  const checkValue = (value: string | undefined, at: Path) => {
    if (value === undefined || /^[\t\x20-\x7e\x80-\xff]*$/.test(value)) return;
    const broken = /[\r\n\0]/.test(value)
      ? 'the value holds a line break or NUL'
      : 'the value holds a character that no header can carry';
    report(context, at, broken, 'check how it was copied; a trailing line break is the usual reason');
  };
  if (auth?.header !== undefined) checkName(auth.header, [...path, 'auth', 'header']);
  checkValue(auth?.scheme, [...path, 'auth', 'scheme']);
  checkValue(key, [...path, 'api_key']);
  for (const [index, each] of keys.entries()) checkValue(each.key, [...path, 'api_keys', index, 'key']);
  const seen = new Set<string>();
  for (const [header, value] of Object.entries(headers)) {
    checkName(header, [...path, 'headers', header]);
    checkValue(value, [...path, 'headers', header]);
    if (seen.has(header.toLowerCase())) {
      report(context, [...path, 'headers', header], 'this header is given twice in different case', 'keep one of the two');
    }
    seen.add(header.toLowerCase());
  }
  for (const [parameter, value] of Object.entries(query)) {
    if (!/[\r\n\0]/.test(parameter + value)) continue;
    report(context, [...path, 'query', parameter], 'the parameter holds a line break or NUL', 'remove it');
  }
}

function checkFile(context: RuleContext, name: string, file: string): void {
  const read = readText(resolve(context.cwd, file), 4_194_304);
  const path = ['providers', name, 'ca_file'];
  const shown = shownName(context, path, file);
  if (!('text' in read)) report(context, path, `the file ${shown} ${read.reason}`, 'give the path of a PEM file');
  else if (!read.text.includes('-----BEGIN CERTIFICATE-----'))
    report(context, path, `the file ${shown} holds no PEM certificate`, 'convert it to PEM');
}
