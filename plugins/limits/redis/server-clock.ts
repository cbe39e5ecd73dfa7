/** The server's clock, as this process knows it: a steady clock of its own and the difference to what the server last said (T2). */
export class ServerClock {
  readonly #steady: () => number;
  #difference: number;

  /** `wall`: unix milliseconds, until the server has said its own. `steady`: milliseconds that only ever grow. */
  constructor(wall: () => number = Date.now, steady: () => number = () => performance.now()) {
    this.#steady = steady;
    this.#difference = wall() - steady();
  }

  /** Unix milliseconds. */
  now(): number {
    return Math.floor(this.#steady() + this.#difference);
  }

  /** Of the steady clock: for `heard`. */
  mark(): number {
    return this.#steady();
  }

  /** The server said `time` in an answer to what was sent at `sent`. Differences that the way there explains change nothing. */
  heard(time: number, sent: number): void {
    const received = this.#steady();
    const difference = time - (sent + received) / 2;
    if (Math.abs(difference - this.#difference) > (received - sent) / 2 + 2) this.#difference = difference;
  }
}
