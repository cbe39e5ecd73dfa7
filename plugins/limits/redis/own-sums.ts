import type { Spent } from '../contract.ts';
import { periodEnd } from '../periods.ts';
import { calendarRuleId } from '../rule-id.ts';

/** Milliseconds for which a period's counter is kept after its end: calls that were let in within it may end later. */
const keptAfterEnd = 172_800_000;
/** Milliseconds for which a counter without an end is kept; every replica names its own anew each day. */
const keptUnnamed = 3_456_000_000;
export const renewEvery = 86_400_000;

/** What this replica's ledger has spent in one period. */
export interface OwnSum {
  /** Name of the counter: rule and start of the period. */
  readonly name: string;
  amount: number;
  /** Unix milliseconds; Infinity for a total. */
  readonly end: number;
  /** The server may not have it as it is. */
  dirty: boolean;
}

export const counterName = (ruleId: string, start: number): string => `${ruleId}:${start}`;

/** Unix milliseconds from which the server may remove a counter. */
export const forgetAt = (end: number, now: number): number =>
  end === Number.POSITIVE_INFINITY ? now + keptUnnamed : end + keptAfterEnd;

/** All of them: the server can be told again at any time. */
export class OwnSums {
  readonly #byName = new Map<string, OwnSum>();
  readonly #dirty = new Set<OwnSum>();

  get size(): number {
    return this.#byName.size;
  }

  set({ scope, measure, period, start, amount }: Spent): void {
    const name = counterName(calendarRuleId(scope, measure, period), start);
    const known = this.#byName.get(name);
    if (known === undefined) {
      if (amount === 0) return;
      const sum = { name, amount, end: periodEnd(period, start), dirty: false };
      this.#byName.set(name, sum);
      this.mark(sum);
    } else if (known.amount !== amount) {
      known.amount = amount;
      this.mark(known);
    }
  }

  mark(sum: OwnSum): void {
    sum.dirty = true;
    this.#dirty.add(sum);
  }

  /** The sum of this name if the server has to be told; it then counts as told. */
  pick(name: string): OwnSum | undefined {
    const sum = this.#byName.get(name);
    if (sum === undefined || !sum.dirty) return undefined;
    this.#told(sum);
    return sum;
  }

  /** Up to `most` of those that the server has to be told; they then count as told. */
  batch(most: number): OwnSum[] {
    const batch: OwnSum[] = [];
    for (const sum of this.#dirty) {
      batch.push(sum);
      this.#told(sum);
      if (batch.length >= most) break;
    }
    return batch;
  }

  /** Everything has to be told again. */
  markAll(): void {
    for (const sum of this.#byName.values()) this.mark(sum);
  }

  /** Once a day: totals are named again, what is long past is dropped. */
  renew(now: number): void {
    for (const sum of this.#byName.values()) {
      if (sum.end === Number.POSITIVE_INFINITY) this.mark(sum);
      else if (forgetAt(sum.end, now) < now) {
        this.#byName.delete(sum.name);
        this.#told(sum);
      }
    }
  }

  #told(sum: OwnSum): void {
    sum.dirty = false;
    this.#dirty.delete(sum);
  }
}
