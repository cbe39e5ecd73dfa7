/** Which of a stream's answers are open: the stream is complete when every choice seen has had its finish_reason. */
export class ChoiceTracker {
  /** By choice index: true once its finish_reason came. */
  readonly #ended = new Map<number, boolean>();
  #open = 0;

  get started(): boolean {
    return this.#ended.size > 0;
  }

  get completed(): boolean {
    return this.#ended.size > 0 && this.#open === 0;
  }

  /** Notes that `choice` was named by an event, and whether that event ended it. */
  see(choice: number, ended: boolean): void {
    const known = this.#ended.get(choice);
    if (known === undefined) {
      this.#ended.set(choice, ended);
      if (!ended) this.#open++;
    } else if (ended && !known) {
      this.#ended.set(choice, true);
      this.#open--;
    }
  }
}
