import type { Call, CallBody, Operation } from '../../providers/provider.ts';
import type { Config } from '../../schemas/config.ts';
import type { GatewayOptionsBody } from '../../schemas/gateway-options.ts';
import type { Principal } from '../exchange/index.ts';
import type { Restrictions, Route, RouterCore } from '../router/index.ts';
import { toCall } from './call.ts';
import { checkModel, checkNames, checkOptions, gatewayOptionsOf, maxPriceOf, optionTimeout, withFallbacks } from './options.ts';

/** A call that its caller may make. */
export interface Admitted {
  readonly call: Call;
  readonly route: Route;
  /** What it says in its object `gateway`; null when it says nothing. */
  readonly options: GatewayOptionsBody | null;
  readonly restrictions: Restrictions | null;
  /** Total milliseconds allowed by `options`; null when it does not say. */
  readonly timeout: number | null;
}

/**
 * Holds a validated body against what its caller may ask for, and finds out where it could go. Throws the `GatewayError` that the
 * caller is told otherwise. Changes nothing.
 */
export function admitted(
  router: RouterCore,
  { principal, config }: { readonly principal: Principal; readonly config: Config },
  body: CallBody,
  operation: Operation,
  dialect: string,
): Admitted {
  const model = body.json.model as string;
  checkModel(principal, model, 'model');
  const named = router.resolve(model);
  const options = gatewayOptionsOf(body.json);
  const call = toCall({ callBody: body }, operation, dialect);
  if (options === null) return { call, route: named, options, restrictions: null, timeout: null };
  checkOptions(options, principal, config.auth.options);
  const route = withFallbacks(options, named, router, principal, operation);
  checkNames(options, route, router, config.models);
  const restrictions = router.restrictions({ ...options, maxPrice: maxPriceOf(options) });
  return { call, route, options, restrictions, timeout: optionTimeout(options) };
}
