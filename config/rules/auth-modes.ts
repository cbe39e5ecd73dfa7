import { providerDefaults } from '../../providers/instance.ts';
import type { ProviderType } from '../../providers/provider.ts';
import { type DraftProvider, enabledProviders, originOf, type RuleContext, report } from './context.ts';

/** Names by which headers and parameters of a query carry what proves who asks. */
const proves = /(?:^|[-_])(?:authorization|api[-_]?key|key|token|secret|cookie|signature|sig)$/i;

/** Whether callers send keys of providers. */
function takesCallersKeys({ draft }: RuleContext): boolean {
  return draft.auth?.mode === 'client' || draft.auth?.mode === 'hybrid';
}

/** Whether an entry needs no key of the operator's: in mode `client` nobody is served with one. */
export function isServedByCallersKeys(context: RuleContext, entry: DraftProvider): boolean {
  return context.draft.auth?.mode === 'client' && entry.accept_client_keys === true;
}

/** Checks which providers take keys of callers, and that nothing of the operator's goes out with one. */
export function checkAuthModes(context: RuleContext): void {
  const { draft, findings, origins } = context;
  const mode = draft.auth?.mode;
  const taking = enabledProviders(context).filter(({ entry }) => entry.accept_client_keys === true);
  if (!takesCallersKeys(context)) {
    for (const { name } of taking) {
      findings.warnings.push(
        `providers.${name}.accept_client_keys has no effect (${originOf(origins, ['providers', name, 'accept_client_keys'])}): ` +
          `auth.mode is ${mode}; set it to client or hybrid, or remove the line`,
      );
    }
    return;
  }
  if (taking.length === 0) {
    const hint = 'write `accept_client_keys: true` into the providers whose keys callers may send, or use mode gateway';
    report(context, ['auth', 'mode'], `callers send keys of providers in mode ${mode}, and no provider takes them`, hint);
    return;
  }
  for (const { name, entry, type } of taking) checkNothingElseProves(context, name, entry, type);
  if (mode !== 'client') return;
  const keys = Object.keys(draft.keys ?? {}).length;
  if (keys > 0) findings.warnings.push(`auth.mode is client: the ${keys} configured gateway keys are not asked for`);
  for (const { name, entry } of enabledProviders(context)) {
    if (entry.accept_client_keys === true) continue;
    findings.warnings.push(`auth.mode is client: nobody can use providers.${name}, which has no \`accept_client_keys: true\``);
  }
}

function checkNothingElseProves(context: RuleContext, name: string, entry: DraftProvider, type: ProviderType): void {
  const path = ['providers', name];
  const own = (entry.auth?.header ?? providerDefaults(type, entry.preset).auth?.header ?? 'authorization').toLowerCase();
  const hint =
    'remove it, or remove accept_client_keys: what proves who asks is then the key that the caller sends, and nothing else';
  for (const header of Object.keys(entry.headers ?? {})) {
    if (header.toLowerCase() !== own && !proves.test(header)) continue;
    report(context, [...path, 'headers', header], "this would go out with callers' keys", hint);
  }
  for (const parameter of Object.keys(entry.query ?? {})) {
    if (proves.test(parameter)) report(context, [...path, 'query', parameter], "this would go out with callers' keys", hint);
  }
  if (
    entry.probe !== undefined &&
    isServedByCallersKeys(context, entry) &&
    entry.api_key === undefined &&
    entry.api_keys === undefined
  ) {
    report(
      context,
      [...path, 'probe'],
      'a probe needs a key of your own, and there is none',
      'write api_key, or remove the probe',
    );
  }
}
