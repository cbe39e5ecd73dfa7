import type { Call, CallBody, Operation } from '../../providers/provider.ts';
import type { Config } from '../../schemas/config.ts';
import type { GatewayOptionsBody } from '../../schemas/gateway-options.ts';
import type { CallerKey, Principal } from '../exchange/index.ts';
import { AmongProviders, type Restrictions, type Route, type RouterCore } from '../router/index.ts';
import { type BoundKey, boundKey } from './bound-key.ts';
import { toCall } from './call.ts';
import {
  checkModel,
  checkNames,
  checkOptions,
  checkProviders,
  gatewayOptionsOf,
  maxPriceOf,
  optionTimeout,
  withFallbacks,
} from './options.ts';

/** A call that its caller may make. */
export interface Admitted {
  readonly call: Call;
  readonly route: Route;
  /** What it says in its object `gateway`; null when it says nothing. */
  readonly options: GatewayOptionsBody | null;
  readonly restrictions: Restrictions | null;
  /** The provider's key that the caller brought; null: the operator's are used. */
  readonly own: BoundKey | null;
  /** Total milliseconds allowed by `options`; null when it does not say. */
  readonly timeout: number | null;
}

/**
 * Holds a validated body against what its caller may ask for, and finds out where it could go. Throws the `GatewayError` that the
 * caller is told otherwise. Changes nothing.
 */
export function admitted(
  router: RouterCore,
  {
    principal,
    config,
    callerKey,
  }: { readonly principal: Principal; readonly config: Config; readonly callerKey: CallerKey | null },
  body: CallBody,
  operation: Operation,
  dialect: string,
): Admitted {
  const model = body.json.model as string;
  checkModel(principal, model, 'model');
  const named = router.resolve(model);
  const own = boundKey(callerKey, named, router, principal);
  const options = gatewayOptionsOf(body.json);
  const call = toCall({ callBody: body }, operation, dialect);
  if (options === null) {
    checkProviders(principal, named);
    return { call, route: named, options, restrictions: amongOwn(null, principal, own), own, timeout: null };
  }
  checkOptions(options, principal, config.auth.options);
  const route = withFallbacks(options, named, router, principal, operation);
  checkProviders(principal, route);
  checkNames(options, route, router, config.models);
  const wished = router.restrictions({ ...options, maxPrice: maxPriceOf(options) });
  return { call, route, options, restrictions: amongOwn(wished, principal, own), own, timeout: optionTimeout(options) };
}

/** What the caller wishes, among the targets of the providers that its keys are for. */
function amongOwn(wished: Restrictions | null, { providers }: Principal, own: BoundKey | null): Restrictions | null {
  const bound = own === null ? wished : new AmongProviders([own.provider.name], 'caller_key', wished);
  return providers === null ? bound : new AmongProviders(providers, 'providers', bound);
}
