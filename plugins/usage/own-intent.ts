import type { Target } from '../../providers/provider.ts';
import type { Intent } from './contract.ts';

/** What a request that the gateway makes by itself says of its origin. */
export interface OwnRequest {
  readonly operation: 'context_cache' | 'probe';
  /** Of the exchange that it is made because of; one of its own where there is none. */
  readonly id: string;
  readonly keyId: string | null;
  /** Of that key; null for none. */
  readonly team: string | null;
  /** Tokens. */
  readonly estimatedInput: number;
  /** Unix milliseconds. */
  readonly startedAt: number;
  readonly configVersion: string;
}

/** The intent of a request that no caller waits for: it is beside every attempt, and streams nothing. */
export function ownIntent(
  { operation, id, keyId, team, estimatedInput, startedAt, configVersion }: OwnRequest,
  target: Target,
): Intent {
  return {
    exchange: id,
    requestId: id,
    attempt: 0,
    startedAt,
    operation,
    keyId,
    team,
    credential: 'operator',
    chargedAt: startedAt,
    model: target.id,
    provider: target.provider.name,
    target: target.model,
    stream: false,
    estimatedInput,
    metadata: null,
    configVersion,
  };
}
