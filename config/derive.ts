import type { ProviderType } from '../providers/provider.ts';
import { enabledProviders, type RuleContext, report } from './rules/context.ts';
import { checkKeyless } from './rules/listeners.ts';
import type { MapTree, Tree } from './tree.ts';

/** How callers without a key came to be allowed: nothing was configured, `auth.mode: none` was, or they are not. */
export type Keyless = 'derived' | 'explicit' | null;

/** Settles `auth.mode` (`gateway` when any key exists, else `none`) and checks it against keys and address. */
export function deriveAuthMode(context: RuleContext): Keyless {
  const { draft, origins, findings } = context;
  const auth = draft.auth ?? {};
  draft.auth = auth;
  const keys = Object.keys(draft.keys ?? {}).length;
  const explicit = auth.mode;
  if (explicit === undefined && !findings.has('auth.mode')) {
    auth.mode = keys > 0 ? 'gateway' : 'none';
    origins.set('auth.mode', keys > 0 ? 'derived: keys exist' : 'derived: no keys');
    checkKeyless(context, keys === 0 && !findings.incomplete);
    return keys > 0 ? null : 'derived';
  }
  const isAsked = explicit === 'gateway' || explicit === 'hybrid';
  // Through the admin API keys can be made later.
  if (isAsked && keys === 0 && draft.management?.admin_api_key === undefined && !findings.incomplete) {
    const hint =
      'set GATEWAY_API_KEYS or write keys:, or set ADMIN_API_KEY to make keys through the admin API, or remove the mode';
    report(context, ['auth', 'mode'], 'callers need a gateway key, but there is none, and none can be made', hint);
  }
  if (explicit === 'none' && keys > 0) {
    findings.warnings.push(
      `auth.mode is none (${origins.get('auth.mode')}): the ${keys} configured gateway keys are not asked for`,
    );
  }
  return explicit === 'none' ? 'explicit' : null;
}

/** A type may be written by the name of a preset (`type: groq`): the type that has the preset is meant. */
export function derivePresetTypes({ draft, types, origins }: RuleContext): void {
  for (const [name, entry] of Object.entries(draft.providers ?? {})) {
    const written = entry?.type;
    if (entry === undefined || written === undefined || entry.preset !== undefined) continue;
    if (types.some((type) => type.type === written)) continue;
    const owner = types.find((type) => Object.hasOwn(type.presets, written));
    if (owner === undefined) continue;
    entry.preset = written;
    entry.type = owner.type;
    origins.set(`providers.${name}.preset`, origins.get(`providers.${name}.type`) ?? 'derived: the type names a preset');
  }
}

/** Adds the provider that answers in process when no other one is enabled and none of that name is written. */
export function deriveSandbox(context: RuleContext): void {
  const { draft, types, origins, findings } = context;
  const providers = draft.providers ?? {};
  draft.providers = providers;
  if (findings.incomplete || enabledProviders(context).length > 0) return;
  if (Object.values(providers).some((entry) => entry !== undefined && entry.enabled !== false)) return; // of an unknown type
  const local: ProviderType | undefined = types.find((type) => type.serve !== undefined);
  if (local === undefined || Object.hasOwn(providers, local.type)) {
    findings.warnings.push('no provider is enabled: every request for a model will be answered with model_not_found');
    return;
  }
  providers[local.type] = { type: local.type };
  origins.set(`providers.${local.type}`, 'derived: no other provider');
  origins.set(`providers.${local.type}.type`, 'derived: no other provider');
}

/** Drops what disabled providers are missing: a variable that is not set matters only where it is used. */
export function withoutUnusedSecrets(tree: MapTree): MapTree {
  const providers = tree.entries.get('providers');
  if (providers?.kind !== 'map') return tree;
  const kept = new Map<string, Tree>();
  for (const [name, entry] of providers.entries) {
    const enabled = entry.kind === 'map' ? entry.entries.get('enabled') : undefined;
    const off = enabled?.kind === 'leaf' && enabled.value === false;
    kept.set(name, off ? withoutUnset(entry) : entry);
  }
  return { ...tree, entries: new Map([...tree.entries, ['providers', { ...providers, entries: kept }]]) };
}

function withoutUnset(tree: Tree): Tree {
  // An item that needs one goes as a whole: what it is about is the missing part.
  if (tree.kind === 'list') return { ...tree, items: tree.items.filter((item) => !needsUnset(item)) };
  if (tree.kind !== 'map') return tree;
  const entries = [...tree.entries].filter(([, value]) => value.kind !== 'unset');
  return { ...tree, entries: new Map(entries.map(([key, value]) => [key, withoutUnset(value)])) };
}

function needsUnset(tree: Tree): boolean {
  if (tree.kind === 'map') return [...tree.entries.values()].some(needsUnset);
  return tree.kind === 'unset' || (tree.kind === 'list' && tree.items.some(needsUnset));
}
