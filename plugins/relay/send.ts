import { type Target, type Translation, TranslationError, type UpstreamFailure } from '../../providers/provider.ts';
import { Attempt, type AttemptOwner } from './attempt.ts';
import { timeoutsFor } from './call.ts';
import type { RunContext, RunInput } from './context.ts';
import type { OpenSend } from './settlement.ts';
import type { Watchdog } from './watchdog.ts';

/** The call in the target's words; a failure when the target cannot be asked that; null when it does not speak the operation. */
export function translated(context: RunContext, input: RunInput, target: Target): Translation | UpstreamFailure | null {
  try {
    return target.provider.type.translate(input.call, target, context.translation);
  } catch (error) {
    if (error instanceof TranslationError) return error.failure;
    throw error;
  }
}

export function isFailure(outcome: Translation | UpstreamFailure): outcome is UpstreamFailure {
  return 'reason' in outcome;
}

/**
 * Makes one send ready: notes it on the exchange, opens its ledger row, takes its place in the target's health. `plain`: without
 * reference to a prompt prefix that the upstream keeps.
 */
export function openSend(
  context: RunContext,
  input: RunInput,
  target: Target,
  translation: Translation,
  plain: boolean,
  watchdog: Watchdog,
  owner: AttemptOwner,
): OpenSend {
  const { exchange, call, estimatedInput, metadata, route } = input;
  exchange.attempts++;
  exchange.provider = target.provider.name;
  exchange.target = target.model;
  const timeouts = timeoutsFor(exchange.config, route, target.provider.config.timeouts);
  const { request, digest } =
    plain || translation.prefix === undefined
      ? { request: translation.request, digest: null }
      : context.prefixes.choose(target, translation, { id: exchange.id, keyId: exchange.principal.keyId });
  const attempt = new Attempt(target, exchange.attempts, translation, request, call.stream, timeouts, watchdog, owner);
  const record = context.usage.open(
    {
      exchange: exchange.id,
      requestId: exchange.requestId,
      attempt: attempt.number,
      startedAt: Date.now(),
      operation: call.operation,
      keyId: exchange.principal.keyId,
      model: route.model,
      provider: target.provider.name,
      target: target.model,
      stream: call.stream,
      estimatedInput,
      metadata,
      configVersion: context.configVersion,
    },
    target,
  );
  exchange.hold();
  return {
    attempt,
    record,
    admission: context.router.targetHealth.admit(target),
    prefix: digest,
    ignored: translation.ignored ?? [],
  };
}
