/** Who may start a second send. */
export interface HedgeOwner {
  /** The first content is late enough for a second target. */
  onHedgeDue(): void;
}

/** Until the first content of one exchange is late enough for a second target. */
export class HedgeTimer {
  #timer: NodeJS.Timeout | null;

  /** `ms` from now on. */
  constructor(owner: HedgeOwner, ms: number) {
    this.#timer = setTimeout(due, ms, owner);
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}

function due(owner: HedgeOwner): void {
  owner.onHedgeDue();
}
