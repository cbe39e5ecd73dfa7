import { type Target, type Translation, TranslationError, type UpstreamFailure } from '../../providers/provider.ts';
import type { Candidate, Purpose, SendNote } from '../router/index.ts';
import { Attempt, type AttemptOwner } from './attempt.ts';
import { timeoutsFor } from './call.ts';
import type { RunContext, RunInput } from './context.ts';
import type { OpenSend } from './settlement.ts';
import type { Watchdog } from './watchdog.ts';

/**
 * The call in the target's words; a failure when the target cannot be asked that; null when it does not speak the operation, or is of
 * another provider than the key that the caller brought: no plan names such a one, and were there one, it would not be asked.
 */
export function translated(
  context: Pick<RunContext, 'translation'>,
  input: RunInput,
  target: Target,
): Translation | UpstreamFailure | null {
  if (input.own !== null && input.own.provider !== target.provider) return null;
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

/** How a target is asked. */
export interface SendOptions {
  readonly purpose: Purpose;
  /** Without reference to a prompt prefix that the upstream keeps. */
  readonly plain: boolean;
  /** Places of the provider's keys that are not to be used again. */
  readonly failedKeys: readonly number[];
  readonly watchdog: Watchdog;
  readonly owner: AttemptOwner;
}

/** Makes one send ready: notes it on the exchange, opens its ledger row, takes its place in the target's health. */
export function openSend(
  context: RunContext,
  input: RunInput,
  candidate: Candidate,
  translation: Translation,
  { purpose, plain, failedKeys, watchdog, owner }: SendOptions,
): OpenSend {
  const { exchange, call, estimatedInput, metadata, route, own } = input;
  const { target } = candidate;
  exchange.attempts++;
  exchange.provider = target.provider.name;
  exchange.target = target.model;
  const admission = context.router.targetHealth.admit(candidate, failedKeys, own !== null);
  const credential = own === null ? candidate.state.credentials.credential(admission.key) : own.credential;
  const timeouts = timeoutsFor(exchange.config, route, target.provider.config.timeouts);
  const { request, digest } =
    // What an upstream keeps it keeps for an account: nothing is for a key that is here for one call.
    plain || own !== null || translation.prefix === undefined
      ? { request: translation.request, digest: null }
      : context.prefixes.choose(target, credential, translation, {
          id: exchange.id,
          keyId: exchange.principal.keyId,
          team: exchange.principal.team,
        });
  const attempt = new Attempt(
    { target, credential, callersKey: own !== null, number: exchange.attempts, stream: call.stream, timeouts },
    translation,
    request,
    watchdog,
    owner,
  );
  const record = context.usage.open(
    {
      exchange: exchange.id,
      requestId: exchange.requestId,
      attempt: attempt.number,
      startedAt: Date.now(),
      operation: call.operation,
      keyId: exchange.principal.keyId,
      team: exchange.principal.team,
      credential: own === null ? 'operator' : 'caller',
      chargedAt: exchange.chargedAt,
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
  const note: SendNote = {
    candidate,
    purpose,
    credential: credential.id,
    at: performance.now() - exchange.startedAt,
    row: record.id,
    firstByte: null,
    firstContent: null,
    ended: null,
    outcome: null,
    reason: null,
  };
  input.decision.sends.push(note);
  const prefix = digest === null ? null : { digest, credential };
  return { attempt, candidate, purpose, watchdog, note, record, admission, prefix, ignored: translation.ignored ?? [] };
}
