import type { FastifyRequest } from 'fastify';
import { MAX_DURATION, parseDuration } from '../../config/units.ts';
import type { Call, Kept, Operation } from '../../providers/provider.ts';
import type { Config, Timeouts } from '../../schemas/config.ts';
import { gatewayOptions } from '../../schemas/gateway-options.ts';
import { ValidationError } from '../errors/classes.ts';
import type { Route } from '../router/index.ts';

/** Body fields that could name another server or credential, and the gateway's own; never sent on. */
const withheld: ReadonlySet<string> = new Set(['api_base', 'base_url', 'api_key', 'headers', 'extra_headers', 'gateway']);
const known: ReadonlySet<string> = new Set(gatewayOptions);
const none: ReadonlySet<string> = new Set();
const nothingKept: ReadonlyMap<string, Kept> = new Map();

/** A request as the adapters see it. `dialect`: the one the route speaks. */
export function toCall(request: Pick<FastifyRequest, 'callBody'>, operation: Operation, dialect: string): Call {
  const body = request.callBody;
  const gateway = optionsOf(body);
  let dropped: Set<string> | null = null;
  for (const { key } of body.members) {
    if (withheld.has(key)) {
      dropped ??= new Set();
      dropped.add(key);
    }
  }
  const options = body.json.stream_options as { include_usage?: unknown } | null | undefined;
  return {
    operation,
    dialect,
    body,
    // Vectors are never streamed; a field of that name is the provider's to judge.
    stream: body.json.stream === true && operation !== 'embeddings',
    streamUsage: options?.include_usage === true,
    dropped: dropped ?? none,
    requireParameters: gateway?.require_parameters === true,
    kept: nothingKept,
  };
}

/** The body's top-level object `gateway`; null when there is none. */
function optionsOf(body: Call['body']): Readonly<Record<string, unknown>> | null {
  const options = body.json.gateway;
  return typeof options === 'object' && options !== null ? (options as Readonly<Record<string, unknown>>) : null;
}

/** What the caller should know about fields that had no effect; null when there is nothing. */
export function warnings(call: Call): string | null {
  const parts: string[] = [];
  for (const key of call.dropped) {
    if (key !== 'gateway') parts.push(`dropped=${key}`);
    else {
      const options = optionsOf(call.body);
      if (options === null) parts.push('ignored=gateway');
      else
        for (const name of Object.keys(options)
          .filter((each) => !known.has(each))
          .slice(0, 8))
          parts.push(`ignored=gateway.${name.replace(/[^\w.-]/g, '_').slice(0, 64)}`);
    }
  }
  return parts.length === 0 ? null : parts.join(', ');
}

/** The warnings with the fields that had no effect at the target that answered. */
export function withIgnored(warnings: string | null, ignored: readonly string[]): string | null {
  if (ignored.length === 0) return warnings;
  const dropped = ignored.map((field) => `dropped=${field.replace(/[^\w.[\]-]/g, '_').slice(0, 64)}`).join(', ');
  return warnings === null ? dropped : `${warnings}, ${dropped}`;
}

/** Total milliseconds the caller allows by `x-postern-timeout`; null when it says nothing. Throws `ValidationError`. */
export function callerTimeout(request: FastifyRequest): number | null {
  const asked = request.headers['x-postern-timeout'];
  if (asked === undefined) return null;
  const ms = typeof asked === 'string' ? parseDuration(asked.trim()) : 0;
  if (typeof ms !== 'number' || ms === 0) {
    throw new ValidationError(
      'The header x-postern-timeout takes a duration with a unit, from 1ms to 24d, such as 30s or 1500ms.',
      'x-postern-timeout',
    );
  }
  return Math.min(ms, MAX_DURATION);
}

/**
 * Labels that are stored with the ledger row, JSON text: the caller's own (`x-postern-metadata`, a flat JSON object of at most 16
 * pairs) and those of its key, which the caller cannot change. Throws `ValidationError`.
 */
export function metadataOf(request: FastifyRequest): string | null {
  const labels = request.exchange.principal.metadata;
  const pairs = callerMetadata(request);
  if (pairs === null && labels === null) return null;
  return JSON.stringify(Object.fromEntries([...(pairs ?? []), ...Object.entries(labels ?? {})]));
}

function callerMetadata(request: FastifyRequest): [string, unknown][] | null {
  const text = request.headers['x-postern-metadata'];
  if (text === undefined) return null;
  const refuse = (why: string): never => {
    throw new ValidationError(`The header x-postern-metadata ${why}.`, 'x-postern-metadata');
  };
  let value: unknown;
  try {
    value = JSON.parse(String(text));
  } catch {
    return refuse('has to be JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return refuse('has to be a JSON object');
  const pairs = Object.entries(value);
  if (pairs.length > 16) return refuse('has more than 16 pairs');
  for (const [name, each] of pairs) {
    if (name.length > 64) return refuse('has a name of more than 64 characters');
    // 1e999 is a number to JSON.parse and null to JSON.stringify.
    if (!['string', 'number', 'boolean'].includes(typeof each) || each === Infinity || each === -Infinity)
      return refuse(`has a value at "${name}" that is no string, number or boolean`);
    if (String(each).length > 512) return refuse(`has a value at "${name}" of more than 512 characters`);
  }
  return pairs;
}

/** Timeouts of one attempt: global, then the provider's, then the model's. */
export function timeoutsFor(config: Config, route: Route, provider: Partial<Timeouts> | undefined): Timeouts {
  if (provider === undefined && Object.keys(route.timeouts).length === 0) return config.timeouts;
  return { ...config.timeouts, ...provider, ...route.timeouts };
}
