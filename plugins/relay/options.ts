import { parseDuration } from '../../config/units.ts';
import type { MaxPrice } from '../../schemas/config.ts';
import { type GatewayOption, type GatewayOptionsBody, gatewayOptions } from '../../schemas/gateway-options.ts';
import { PermissionError, ValidationError } from '../errors/classes.ts';
import type { Principal } from '../exchange/index.ts';

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
  throw new ValidationError('`gateway.timeout` takes a duration with a unit, such as 30s or 1500ms.', 'gateway.timeout');
}
