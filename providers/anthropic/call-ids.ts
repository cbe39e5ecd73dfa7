const MAX_LENGTH = 128;

interface Named {
  readonly turn: number;
  /** What the calls with that id were named, in order. */
  readonly ids: string[];
  answered: number;
}

/**
 * Ids of tool calls as this API takes them (`^[A-Za-z0-9_-]+$`, none twice), in the order of the conversation. What is usable
 * stays; anything else gets an id that depends on the calls before it only, so a longer conversation repeats it.
 */
export class CallIds {
  readonly #taken = new Set<string>();
  /** How often an id was wanted that was taken already. */
  readonly #repeats = new Map<string, number>();
  readonly #named = new Map<string, Named>();
  #turn = 0;

  /** An assistant turn begins: results that follow belong to its calls, whatever ids earlier turns used. */
  turn(): void {
    this.#turn++;
  }

  /** The id to send for a call. */
  call(id: string): string {
    const own = this.#free(usable(id));
    this.#taken.add(own);
    const named = this.#named.get(id);
    if (named?.turn === this.#turn) named.ids.push(own);
    else this.#named.set(id, { turn: this.#turn, ids: [own], answered: 0 });
    return own;
  }

  /** The id of the call that a result belongs to: of several with the same id the first without one. */
  result(id: string): string {
    const named = this.#named.get(id);
    if (named === undefined) return usable(id);
    return named.ids[Math.min(named.answered++, named.ids.length - 1)]!;
  }

  #free(id: string): string {
    if (!this.#taken.has(id)) return id;
    const stem = id.slice(0, MAX_LENGTH - 8);
    for (let count = (this.#repeats.get(stem) ?? 1) + 1; ; count++) {
      const next = `${stem}_${count}`;
      if (this.#taken.has(next)) continue;
      this.#repeats.set(stem, count);
      return next;
    }
  }
}

function usable(id: string): string {
  return id.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, MAX_LENGTH) || 'call';
}
