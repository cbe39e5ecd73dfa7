import { parseDuration } from '../../config/units.ts';
import type { Operation, Target } from '../../providers/provider.ts';
import type { Config, MaxPrice } from '../../schemas/config.ts';
import { type GatewayOption, type GatewayOptionsBody, gatewayOptions } from '../../schemas/gateway-options.ts';
import { allows } from '../auth/permission.ts';
import { ModelNotFoundError, PermissionError, ValidationError } from '../errors/classes.ts';
import type { Principal } from '../exchange/index.ts';
import type { Route, Router, TargetGroup } from '../router/index.ts';
import { nearest } from '../router/nearest.ts';

const known: ReadonlySet<string> = new Set(gatewayOptions);

/** What a call says in its top-level object `gateway`; null when it says nothing. The schema has checked the types. */
export function gatewayOptionsOf(json: Readonly<Record<string, unknown>>): GatewayOptionsBody | null {
  const options = json.gateway;
  return typeof options === 'object' && options !== null ? (options as GatewayOptionsBody) : null;
}

/** Throws `PermissionError` when the caller's key may not set one of the options. */
export function checkOptions(options: GatewayOptionsBody, principal: Principal, allowed: readonly GatewayOption[]): void {
  const may = new Set<string>(principal.options ?? allowed);
  for (const [name, value] of Object.entries(options)) {
    if (value == null || !known.has(name) || may.has(name)) continue;
    throw new PermissionError(
      `This key may not set \`gateway.${name}\`. Leave it out, or ask the operator to add it to the options of the key.`,
      'option_not_allowed',
      `gateway.${name}`,
    );
  }
}

/** Throws `PermissionError` when a key may not use a model; `param` is where its name stands. */
export function checkModel(principal: Principal, model: string, param: string): void {
  if (allows(principal, model)) return;
  throw new PermissionError(
    `This key may not use the model \`${model.slice(0, 100)}\`. GET /v1/models lists the ones it may.`,
    'model_not_allowed',
    param,
  );
}

/** Throws `PermissionError` when a key may use none of the providers behind a model. */
export function checkProviders({ providers }: Principal, { model, groups }: Route): void {
  if (providers === null) return;
  if (groups.some(({ targets }) => targets.some(({ provider }) => providers.includes(provider.name)))) return;
  throw new PermissionError(
    `This key may not use a provider of the model \`${model.slice(0, 100)}\`. GET /v1/models lists the models it may use.`,
    'model_not_allowed',
    'model',
  );
}

/**
 * Throws `ValidationError` for a name in `order`, `only` or `ignore` that is no provider and no target. A target is known when the
 * model has it, the configuration does, or its provider is known to have such a model.
 */
export function checkNames(options: GatewayOptionsBody, route: Route, router: Router, models: Config['models']): void {
  for (const option of ['order', 'only', 'ignore'] as const) {
    options[option]?.forEach((name, at) => {
      if (router.providers.has(name) || isTarget(name, route, router, models)) return;
      const targets = route.groups.flatMap((group) => group.targets.map(({ id }) => id));
      const near = nearest(name, new Set([...router.providers.keys(), ...targets]));
      const hint =
        near.length > 0
          ? `Did you mean ${near.map((each) => `\`${each}\``).join(' or ')}?`
          : 'Name a provider, or a target as `provider/model`; both are in the headers of answers.';
      throw new ValidationError(
        `There is no provider and no target \`${name.slice(0, 100)}\`. ${hint}`,
        `gateway.${option}[${at}]`,
        'unknown_target',
      );
    });
  }
}

function isTarget(name: string, { groups }: Route, router: Router, models: Config['models']): boolean {
  if (groups.some((group) => group.targets.some(({ id }) => id === name))) return true;
  const slash = name.indexOf('/');
  const provider = name.slice(0, Math.max(0, slash));
  if (!router.providers.has(provider) || slash === name.length - 1) return false;
  const model = name.slice(slash + 1);
  return (
    router.model(name) !== null ||
    Object.values(models).some(({ targets }) =>
      targets.some((each) => each.provider === provider && (each.model === '*' || each.model === model)),
    )
  );
}

/**
 * The route with the groups of the models in `fallbacks` after its own, each once. Throws `ValidationError` for a name that is no
 * model, or whose vectors could not be compared with those of the model, and `PermissionError` for one the key may not use.
 */
export function withFallbacks(
  { fallbacks }: GatewayOptionsBody,
  route: Route,
  router: Router,
  principal: Principal,
  operation: Operation,
): Route {
  if (fallbacks == null || fallbacks.length === 0) return route;
  const groups = [...route.groups];
  fallbacks.forEach((name, at) => {
    const param = `gateway.fallbacks[${at}]`;
    checkModel(principal, name, param);
    for (const group of resolved(router, name, param).groups) {
      if (group.cause !== 'exhausted' || groups.some((each) => isSame(each, group))) continue;
      if (operation === 'embeddings') checkSpace(route, group, param);
      groups.push(group);
    }
  });
  return { ...route, groups };
}

/** A pattern's groups have its name, whatever it matched. */
function isSame(a: TargetGroup, b: TargetGroup): boolean {
  if (a.name !== b.name || a.cause !== b.cause || a.targets.length !== b.targets.length) return false;
  return a.targets.every((target, at) => target.id === b.targets[at]!.id);
}

function resolved(router: Router, name: string, param: string): Route {
  try {
    return router.resolve(name);
  } catch (error) {
    if (error instanceof ModelNotFoundError) throw new ValidationError(error.message, param, 'model_not_found');
    throw error;
  }
}

const sameSpace = (a: Target, b: Target): boolean => a.model === b.model && a.dimensions === b.dimensions;

function checkSpace({ model, groups: [own] }: Route, { name, targets }: TargetGroup, param: string): void {
  if (targets.every((target) => own!.targets.some((each) => sameSpace(each, target)))) return;
  throw new ValidationError(
    `Vectors of \`${name.slice(0, 100)}\` cannot be compared with those of \`${model.slice(0, 100)}\`; name a model with the same upstream model and dimensions.`,
    param,
  );
}

/** The option `max_price` with its nulls left out. */
export function maxPriceOf({ max_price }: GatewayOptionsBody): MaxPrice | null {
  if (max_price == null) return null;
  const { input, output } = max_price;
  return { ...(input == null ? {} : { input }), ...(output == null ? {} : { output }) };
}

/** The lower of two limits, where null is none. */
export function shortest(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b);
}

/** Total milliseconds the option `timeout` allows; null when it is not set. Throws `ValidationError`. */
export function optionTimeout({ timeout }: GatewayOptionsBody): number | null {
  if (timeout == null) return null;
  const ms = parseDuration(timeout.trim());
  if (typeof ms === 'number' && ms > 0) return ms;
  throw new ValidationError(
    '`gateway.timeout` takes a duration with a unit, from 1ms to 24d, such as 30s or 1500ms.',
    'gateway.timeout',
  );
}
