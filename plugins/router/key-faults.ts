import type { Candidate } from './candidate.ts';

interface Fault {
  readonly candidate: Candidate;
  readonly keys: number[];
  /** It was the key again: nothing is known against the target itself. */
  open: boolean;
}

const none: readonly number[] = [];

/** Targets that one exchange got no answer from because of the keys it used there. */
export class KeyFaults {
  #faults: Fault[] | null = null;

  add(candidate: Candidate, key: number): void {
    this.#faults ??= [];
    const known = this.#find(candidate);
    if (known === undefined) {
      this.#faults.push({ candidate, keys: [key], open: true });
      return;
    }
    known.keys.push(key);
    known.open = true;
  }

  /** Places of the keys that failed there. */
  of(candidate: Candidate): readonly number[] {
    return this.#find(candidate)?.keys ?? none;
  }

  /** One that `mayAsk` lets through after at most `most` keys have failed there. It counts as asked until a key fails there again. */
  take(most: number, mayAsk: (candidate: Candidate, keys: readonly number[]) => boolean): Candidate | null {
    const found = this.#faults?.find(({ candidate, keys, open }) => open && keys.length <= most && mayAsk(candidate, keys));
    if (found === undefined) return null;
    found.open = false;
    return found.candidate;
  }

  /** By what is remembered of it: a fallback that names the same target has a candidate of its own. */
  #find({ state }: Candidate): Fault | undefined {
    return this.#faults?.find((each) => each.candidate.state === state);
  }
}
