import type { GatewayOptionsBody } from '../../schemas/gateway-options.ts';
import type { RefusalNote } from '../limits/refusal.ts';
import type { Candidate } from './candidate.ts';
import type { Needs } from './needs.ts';
import type { Facts, TargetGroup } from './types.ts';

// Why targets were chosen, as it is noted while it happens: arrays of numbers and of shared words, because every call makes one.
// What they mean for people is put together when somebody asks.

/** Why a target was not among the candidates. */
export type Exclusion =
  | 'operation' // its provider does not speak it
  | 'cannot_take' // the model is known not to take what the call holds
  | 'too_long' // for the model's context
  | 'not_allowed' // by `only` or `ignore` of the caller, or its keys are for other providers
  | 'too_expensive' // above max_price, or of unknown price
  | 'other_space' // vectors of another model or length
  | 'tried'
  | 'same_provider' // as the one that is asked already: what slows that one may slow this one
  | 'breaker' // open, or half-open with its one probe under way
  | 'probe' // the probes of its provider fail
  | 'rest' // the target asked for it
  | 'keys' // none of the provider's keys may be used
  | 'full' // at its concurrency limit
  | 'recovering'; // gets a part of its share until it has proved itself

/** What a send is for. */
export type Purpose = 'first' | 'failover' | 'retry' | 'hedge';

/** What decided among the candidates. */
export type ChoiceReason = 'only' | 'order' | 'affinity' | 'strategy';

/** Numbers noted of each target, in this order; NaN where unknown. */
export const figures = ['in_flight', 'latency_ms', 'uptime', 'cache_share', 'output_tokens', 'share', 'score'] as const;

/** One look at one group. */
export class Choice {
  /** `performance.now()` milliseconds. */
  readonly at: number;
  readonly group: TargetGroup;
  readonly purpose: Purpose;
  /** What the call asks of a model. */
  readonly needs: Needs;
  /** By place in the group: why it was left out; null for a candidate. */
  readonly excluded: readonly (Exclusion | null)[];
  /** Of every target of the group in turn, `figures.length` numbers each. */
  readonly figures: readonly number[];
  reason: ChoiceReason | null = null;
  /** Its place in the group; -1 for none. */
  slot = -1;

  constructor(group: TargetGroup, purpose: Purpose, excluded: readonly (Exclusion | null)[], facts: Facts, at: number) {
    this.at = at;
    this.group = group;
    this.purpose = purpose;
    this.needs = facts.needs;
    this.excluded = excluded;
    this.figures = figuresOf(group, facts);
  }
}

function figuresOf({ candidates, selector }: TargetGroup, facts: Facts): number[] {
  const width = figures.length;
  const noted = new Array<number>(candidates.length * width);
  const { now } = facts;
  const scored = selector.score !== undefined;
  for (let at = 0; at < candidates.length; at++) {
    const candidate = candidates[at]!;
    const { state } = candidate;
    const { latency, uptime, cacheShare, outputTokens } = state;
    const first = at * width;
    noted[first] = state.inFlight;
    noted[first + 1] = latency.known ? latency.value(now) : Number.NaN;
    noted[first + 2] = uptime.known ? uptime.value : Number.NaN;
    noted[first + 3] = cacheShare.known ? cacheShare.value : Number.NaN;
    noted[first + 4] = outputTokens.known ? outputTokens.value : Number.NaN;
    noted[first + 5] = state.share(now);
    noted[first + 6] = scored ? selector.score!(candidate, facts) : Number.NaN;
  }
  return noted;
}

/** How one send went. Times are milliseconds since the exchange began. */
export interface SendNote {
  readonly candidate: Candidate;
  readonly purpose: Purpose;
  /** Id of the API key used. */
  readonly credential: string;
  readonly at: number;
  /** Row of the ledger. */
  readonly row: number;
  firstByte: number | null;
  firstContent: number | null;
  ended: number | null;
  outcome: string | null;
  reason: string | null;
}

/** All that decided one exchange. */
export class Decision {
  readonly choices: Choice[] = [];
  readonly sends: SendNote[] = [];
  /** What the call says in its object `gateway`; null when it says nothing. */
  options: GatewayOptionsBody | null = null;
  /** Milliseconds it waited for a target at its limit. */
  queued = 0;
  /** Which limit of its caller it, or a further attempt of it, was refused by; null for none. */
  limit: RefusalNote | null = null;
  /** Why a chain of fallbacks was entered; null when none was. */
  fallback: 'context_length' | 'content_policy' | null = null;
}
