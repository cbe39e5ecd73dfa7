import { exchangeOf } from '../usage/decision-table.ts';
import type { PlacedRecord } from './pages.ts';

const most = 10_000;
const mostCharacters = 4 * 1024 * 1024;

/** The newest decisions, where they are kept in memory only. Their number and their size have a bound. */
export class DecisionRing {
  readonly #records: string[] = [];
  readonly #characters: number;
  readonly #most: number;
  /** Where the next one goes. */
  #next = 0;
  /** Where the oldest one is. */
  #oldest = 0;
  #size = 0;
  #held = 0;
  /** Of the next one. */
  #position = 1;

  constructor(count = most, characters = mostCharacters) {
    this.#most = count;
    this.#characters = characters;
  }

  get size(): number {
    return this.#size;
  }

  add(record: string): void {
    if (this.#size === this.#most) this.#drop();
    this.#records[this.#next] = record;
    this.#next = (this.#next + 1) % this.#most;
    this.#size++;
    this.#position++;
    this.#held += record.length;
    while (this.#held > this.#characters) this.#drop();
  }

  /** Null when it is not one of them. */
  find(exchange: string): string | null {
    for (let back = 1; back <= this.#size; back++) if (exchangeOf(this.#back(back)) === exchange) return this.#back(back);
    return null;
  }

  /** Those before a position, newest first; at most so many. */
  newestFirst(before: number | null, limit: number): PlacedRecord[] {
    const first = before === null ? 1 : Math.max(1, this.#position - before + 1);
    const length = Math.max(0, Math.min(limit, this.#size - first + 1));
    return Array.from({ length }, (_, at) => ({ position: this.#position - first - at, record: this.#back(first + at) }));
  }

  /** The newest is 1 back. */
  #back(back: number): string {
    return this.#records[(this.#next - back + this.#most) % this.#most]!;
  }

  #drop(): void {
    this.#held -= this.#records[this.#oldest]!.length;
    this.#records[this.#oldest] = '';
    this.#oldest = (this.#oldest + 1) % this.#most;
    this.#size--;
  }
}
