import type { FailureReason, UpstreamFailure } from '../../providers/provider.ts';

/** What a failure speaks of. `caller`: of a key that the caller brought, so of nothing that others are asked with. */
export type Blame = 'target' | 'key' | 'caller' | 'none';

const blame: Readonly<Record<FailureReason, Blame>> = {
  invalid_request: 'none',
  context_length: 'none',
  content_policy: 'none',
  too_large: 'none',
  not_found: 'none',
  prefix_lost: 'none',
  authentication: 'key',
  rate_limit: 'key',
  quota: 'key',
  caller_key: 'caller',
  caller_rate_limit: 'caller',
  caller_quota: 'caller',
  overloaded: 'target',
  server: 'target',
  redirect: 'target',
  connect: 'target',
  network: 'target',
  timeout: 'target',
  protocol: 'target',
  truncated: 'target',
};

/**
 * What a failure speaks of, at a provider with so many keys: a single one that may not do one thing (403) is no different from a
 * target that refuses, as no other key could be asked.
 */
export function blameOf({ reason, status }: UpstreamFailure, keys: number): Blame {
  return reason === 'authentication' && status === 403 && keys === 1 ? 'target' : blame[reason];
}
