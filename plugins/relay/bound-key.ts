import { credentialWith } from '../../providers/instance.ts';
import type { Credential, ProviderInstance, UpstreamFailure } from '../../providers/provider.ts';
import { PermissionError, ValidationError } from '../errors/classes.ts';
import type { CallerKey, Principal } from '../exchange/index.ts';
import type { Route, Router } from '../router/index.ts';

/** A provider's key that the caller sent, bound to the one provider that may see it. */
export interface BoundKey {
  readonly provider: ProviderInstance;
  readonly credential: Credential;
}

const header = 'x-postern-provider-key';
/** Names in a message. */
const shown = 5;

const quoted = (names: readonly string[]): string =>
  `${names
    .slice(0, shown)
    .map((name) => `\`${name}\``)
    .join(', ')}${names.length > shown ? ', …' : ''}`;

const accepts = ({ config }: ProviderInstance): boolean => config.accept_client_keys === true;

const may = ({ providers }: Principal, name: string): boolean => providers === null || providers.includes(name);

/** Providers whose targets stand behind a model, its fallbacks included, each once. */
function providersOf({ groups }: Route): readonly ProviderInstance[] {
  return [...new Set(groups.flatMap(({ targets }) => targets.map(({ provider }) => provider)))];
}

/** Names of the providers that a caller may use at all; null for every one. What the list of models goes by. */
export function usableProviders(
  { providers }: Pick<Router, 'providers'>,
  principal: Principal,
  key: CallerKey | null,
): readonly string[] | null {
  if (key === null) return principal.providers;
  const taking = [...providers.values()].filter((each) => accepts(each) && may(principal, each.name));
  return taking.map(({ name }) => name).filter((name) => key.provider === null || key.provider === name);
}

/**
 * The one provider that a caller's key may be sent to: the one the caller named, else that of the model. `route` is what the model
 * stands for, without what the caller adds to it. Throws `ValidationError` where that is none or could be several, `PermissionError`
 * where it may not be used.
 */
export function boundKey(
  key: CallerKey | null,
  route: Route,
  router: Pick<Router, 'providers'>,
  principal: Principal,
): BoundKey | null {
  if (key === null) return null;
  const provider = key.provider === null ? providerOf(route) : named(key.provider, route, router, principal);
  return { provider, credential: credentialWith(provider.config, key.secret, 'caller') };
}

function named(name: string, route: Route, router: Pick<Router, 'providers'>, principal: Principal): ProviderInstance {
  const provider = router.providers.get(name);
  if (provider === undefined || !accepts(provider)) {
    const taking = [...router.providers.values()].filter((each) => accepts(each) && may(principal, each.name));
    const hint = taking.length === 0 ? 'None does.' : `Those that do: ${quoted(taking.map((each) => each.name))}.`;
    throw new ValidationError(
      `The provider \`${name.slice(0, 64)}\` takes no keys of callers here. ${hint}`,
      header,
      'provider_key_not_accepted',
    );
  }
  if (!may(principal, name)) {
    throw new PermissionError(`This key may not use the provider \`${name}\`.`, 'provider_not_allowed', header);
  }
  if (!providersOf(route).includes(provider)) {
    throw new ValidationError(
      `The provider key you sent is for \`${name}\`, and the model \`${route.model.slice(0, 100)}\` has no target there. ` +
        `Name a model of that provider (\`${name}/…\`), or send no provider key.`,
      'model',
      'provider_key_mismatch',
    );
  }
  return provider;
}

function providerOf(route: Route): ProviderInstance {
  const model = `\`${route.model.slice(0, 100)}\``;
  const [provider, ...others] = providersOf(route).filter(accepts);
  if (provider === undefined) {
    throw new PermissionError(
      `No provider of the model ${model} takes keys of callers, and this gateway has no other. GET /v1/models lists the models of those that do.`,
      'model_not_allowed',
      'model',
    );
  }
  if (others.length > 0) {
    const names = [provider, ...others].map(({ name }) => name);
    throw new ValidationError(
      `The model ${model} has targets of several providers that take keys of callers (${quoted(names)}), and your key is for one of them. ` +
        `Say which: name the model as \`provider/model\`, or send the header ${header} with the name of the provider.`,
      'model',
      'provider_key_ambiguous',
    );
  }
  return provider;
}

const callersReasons = { authentication: 'caller_key', rate_limit: 'caller_rate_limit', quota: 'caller_quota' } as const;

/** A failure of an attempt with a caller's key, which is not in its words: what speaks of the key speaks of the caller's. */
export function asCallers(failure: UpstreamFailure, { headers }: Credential): UpstreamFailure {
  const reason =
    failure.reason === 'authentication' || failure.reason === 'rate_limit' || failure.reason === 'quota'
      ? callersReasons[failure.reason]
      : failure.reason;
  const without = (text: string): string => {
    let rest = text;
    for (const value of Object.values(headers)) rest = rest.replaceAll(value.slice(value.lastIndexOf(' ') + 1), '[key]');
    return rest;
  };
  const { message, code, param } = failure;
  return {
    ...failure,
    reason,
    message: without(message),
    code: code === null ? null : without(code),
    param: param === null ? null : without(param),
  };
}
