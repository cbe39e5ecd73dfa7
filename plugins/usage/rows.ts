import type { SQLInputValue } from 'node:sqlite';
import type { Intent, Settlement } from './contract.ts';
import type { Price } from './price.ts';
import type { Accounted } from './settlement.ts';

/** One write: an intent (`open`) or how it ended. */
export interface Write {
  readonly kind: 'open' | 'settle';
  readonly id: number;
  readonly values: readonly SQLInputValue[];
}

/** A value of the wrong type would fail its whole batch, so numbers are made integers here, and such that can be read back. */
function integer(value: number | null): number | null {
  if (value === null || !Number.isFinite(value)) return null;
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, Math.round(value)));
}

/** Parameters of `insertIntent`. */
export function intentRow(id: number, intent: Intent, priceProvider: string | null): Write {
  const values = [
    id,
    intent.exchange,
    intent.requestId,
    integer(intent.attempt) ?? 0,
    integer(intent.startedAt) ?? 0,
    intent.operation,
    intent.keyId ?? null,
    intent.model,
    intent.provider,
    intent.target,
    intent.stream ? 1 : 0,
    integer(intent.estimatedInput) ?? 0,
    intent.metadata ?? null,
    intent.configVersion,
    priceProvider,
    intent.team ?? null,
    intent.credential,
    integer(intent.chargedAt) ?? 0,
  ];
  return { kind: 'open', id, values };
}

/** How a settled row was priced. */
export interface Charge extends Accounted {
  readonly nanoUsd: number | null;
  readonly price: Price | null;
}

/** Parameters of `insertSettlement`. `totalMs` is null for an attempt whose end nobody saw. */
export function settlementRow(
  id: number,
  settlement: Omit<Settlement, 'totalMs'> & { totalMs: number | null },
  charge: Charge,
): Write {
  const { quantities } = charge;
  const values = [
    settlement.outcome,
    settlement.reason ?? null,
    integer(settlement.status),
    integer(settlement.upstreamStatus),
    settlement.servedModel ?? null,
    JSON.stringify(quantities),
    quantities.input ?? 0,
    quantities.cached ?? 0,
    quantities.output ?? 0,
    quantities.reasoning ?? 0,
    charge.source,
    integer(settlement.estimatedOutput),
    settlement.unsent ? 1 : 0,
    integer(settlement.endedAt),
    integer(settlement.firstContentMs ?? null),
    integer(settlement.totalMs ?? null),
    charge.nanoUsd,
    charge.price?.source ?? null,
    charge.price?.version ?? null,
    id,
  ];
  return { kind: 'settle', id, values };
}
