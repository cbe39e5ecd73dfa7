import type { Call, Target } from '../../providers/provider.ts';
import type { Route } from '../router/index.ts';
import type { Usage } from '../usage/contract.ts';
import { cost } from '../usage/money.ts';
import { reserveInput } from '../usage/reserve.ts';

/** What an attempt may use at most. */
export interface Reservation {
  /** Input and output. */
  readonly tokens: number;
  /** Integer; null when the price is unknown. 0 where nobody asks. */
  readonly nanoUsd: number | null;
}

/** Larger numbers are no limit to any model. */
const mostTokens = 1_000_000_000;

/** A whole number above 0 that a caller wrote; 0 for anything else. */
const whole = (value: unknown): number => (typeof value === 'number' && value >= 1 ? Math.min(mostTokens, Math.ceil(value)) : 0);

/** Longest answer that a call allows, in tokens; 0 where it does not say. */
export function askedOutput({ operation, body: { json } }: Pick<Call, 'operation' | 'body'>): number {
  // Upstreams differ in which of the two they follow.
  if (operation === 'chat') return Math.max(whole(json.max_completion_tokens), whole(json.max_tokens));
  return whole(json.max_output_tokens);
}

/** What a call may use at each of its targets, for the holds on limits and budgets. */
export class Estimate {
  readonly #call: Call;
  readonly #usage: Pick<Usage, 'price'>;
  readonly #assumed: number;
  readonly #usd: boolean;
  readonly #input: number;
  readonly #asked: number;
  readonly #choices: number;

  /** `assumed`: tokens of an answer that nothing limits. `usd`: whether anybody asks what it costs. */
  constructor(call: Call, route: Route, usage: Pick<Usage, 'price'>, assumed: number, usd: boolean) {
    this.#call = call;
    this.#usage = usage;
    this.#assumed = assumed;
    this.#usd = usd;
    this.#input = reserveInput(call, route.groups[0]?.targets.map(({ model }) => model) ?? []);
    this.#asked = askedOutput(call);
    this.#choices = call.operation === 'chat' ? Math.min(128, whole(call.body.json.n) || 1) : 1;
  }

  /** At one target. */
  at(target: Target): Reservation {
    const input = this.#input;
    const output = this.#output(target);
    const tokens = Math.min(mostTokens, input + output);
    if (!this.#usd) return { tokens, nanoUsd: 0 };
    const price = this.#usage.price(target);
    if (price === null) return { tokens, nanoUsd: null };
    const nano = cost({ input: Math.min(input, mostTokens), output: Math.min(output, mostTokens) }, price.rates);
    return { tokens, nanoUsd: nano === null ? null : Math.min(Number(nano), Number.MAX_SAFE_INTEGER) };
  }

  /** At the dearest target of the first group that has one which may be used; `nanoUsd` is null when no group has. */
  most({ groups }: Route): Reservation {
    let tokens = 0;
    for (const { targets } of groups) {
      let nanoUsd = -1;
      for (const target of targets) {
        const at = this.at(target);
        if (at.nanoUsd === null) continue;
        tokens = Math.max(tokens, at.tokens);
        nanoUsd = Math.max(nanoUsd, at.nanoUsd);
      }
      if (nanoUsd >= 0) return { tokens, nanoUsd };
    }
    return { tokens, nanoUsd: null };
  }

  #output({ info }: Target): number {
    if (this.#call.operation === 'embeddings') return 0;
    const possible = info?.maxOutputTokens ?? mostTokens;
    const one = this.#asked > 0 ? Math.min(this.#asked, possible) : Math.min(possible, this.#assumed);
    return one * this.#choices;
  }
}
