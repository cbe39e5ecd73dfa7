import type { Charged } from './contract.ts';
import type { Charge } from './rows.ts';

/** What a settlement charges. `requests`: a call counts once, with its first attempt; what was sent beside calls is none. */
export function chargedOf(id: number, intent: Charged['intent'], { quantities, nanoUsd }: Charge): Charged {
  const { exchange, attempt, operation, keyId, team, chargedAt } = intent;
  return {
    id,
    intent: { exchange, attempt, operation, keyId, team, chargedAt },
    requests: attempt === 1 ? 1 : 0,
    tokens: (quantities.input ?? 0) + (quantities.output ?? 0),
    nanoUsd: nanoUsd ?? 0,
  };
}
