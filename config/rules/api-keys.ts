import { providerDefaults } from '../../providers/instance.ts';
import type { ProviderType } from '../../providers/provider.ts';
import { type DraftProvider, type RuleContext, report } from './context.ts';

/** They stand in logs and in the admin API. */
const keyName = /^[A-Za-z0-9_.-]{1,64}$/;

/** Checks the list of keys of one provider: that it can be used, and that every key of it is one. */
export function checkApiKeys(context: RuleContext, name: string, entry: DraftProvider, type: ProviderType): void {
  const { api_keys: keys } = entry;
  if (keys === undefined || entry.enabled === false) return;
  const path = ['providers', name, 'api_keys'];
  if (entry.api_key !== undefined) {
    report(
      context,
      path,
      'the provider has both api_key and api_keys',
      'put the one key into the list, or remove one of the two',
    );
  }
  if (keys.length === 0) checkEmpty(context, name);
  else if (keys.every((each) => each?.weight === 0)) {
    report(
      context,
      path,
      'every key has the weight 0',
      'give a weight to those that should be used; 0 means: when no other works',
    );
  }
  checkUse(context, path, entry, type);
  checkDistinct(context, path, keys);
}

/** Without any key here they come through the admin API, which has to be on for that. */
function checkEmpty(context: RuleContext, name: string): void {
  if (context.draft.management?.admin_api_key !== undefined || context.findings.has('management.admin_api_key')) return;
  const hint = `write at least one \`- key: …\`, or remove the line; to add keys by POST /admin/v1/providers/${name}/keys, set ADMIN_API_KEY`;
  report(context, ['providers', name, 'api_keys'], 'the list of keys is empty', hint);
}

/** Where the keys would go nowhere. */
function checkUse(context: RuleContext, path: readonly string[], entry: DraftProvider, type: ProviderType): void {
  if (type.serve !== undefined) {
    report(context, path, `the type ${type.type} answers in this process and takes no keys`, 'remove the list');
    return;
  }
  const header = (entry.auth?.header ?? providerDefaults(type, entry.preset).auth?.header ?? 'authorization').toLowerCase();
  const own = Object.keys(entry.headers ?? {}).find((each) => each.toLowerCase() === header);
  if (own === undefined) return;
  const message = `the header ${own} under headers stands above the keys, so none of them would be sent`;
  report(context, path, message, `remove it from headers, or remove api_keys`);
}

function checkDistinct(context: RuleContext, path: readonly string[], keys: NonNullable<DraftProvider['api_keys']>): void {
  const names = new Map<string, number>();
  const secrets = new Map<string, number>();
  for (const [index, each] of keys.entries()) {
    const { key, name: written } = each ?? {};
    if (written !== undefined && written === key) {
      report(context, [...path, index, 'name'], 'the name is the key itself', 'names are shown: give it another one');
    } else if (written !== undefined && !keyName.test(written)) {
      const hint = 'use at most 64 letters, digits and _ . -';
      report(context, [...path, index, 'name'], 'this is no name for a key', hint);
    }
    const id = written ?? String(index + 1);
    const same = names.get(id);
    if (same !== undefined) {
      const message = `this key has the same name as the ${ordinal(same)} one`;
      report(context, [...path, index, 'name'], message, 'give each its own; without a name it is its place in the list');
    }
    names.set(id, index);
    if (key === undefined) continue;
    const twin = secrets.get(key);
    if (twin !== undefined) report(context, [...path, index, 'key'], `this is the ${ordinal(twin)} key again`, 'remove it');
    secrets.set(key, index);
  }
}

function ordinal(index: number): string {
  const number = index + 1;
  const ends: Readonly<Record<number, string>> = { 1: 'st', 2: 'nd', 3: 'rd' };
  return `${number}${number % 100 > 10 && number % 100 < 14 ? 'th' : (ends[number % 10] ?? 'th')}`;
}
