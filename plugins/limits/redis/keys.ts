/** Names of the keys of limits. All begin with the same hash tag: one script may touch any of them, also in a cluster. */
export class LimitKeys {
  readonly tag: string;
  readonly epoch: string;
  readonly members: string;
  readonly leases: string;
  readonly collect: string;
  readonly #hold: string;
  readonly #counter: string;
  readonly #concurrent: string;
  readonly #rate: string;

  constructor(tag: string) {
    this.tag = tag;
    this.epoch = `${tag}:lim:e`;
    this.members = `${tag}:lim:m`;
    this.leases = `${tag}:lim:l`;
    this.collect = `${tag}:lim:gc`;
    this.#hold = `${tag}:lim:h:`;
    this.#counter = `${tag}:lim:c:`;
    this.#concurrent = `${tag}:lim:n:`;
    this.#rate = `${tag}:lim:r:`;
  }

  hold(id: string): string {
    return this.#hold + id;
  }

  /** `name`: of `counterName`. */
  counter(name: string): string {
    return this.#counter + name;
  }

  concurrent(ruleId: string): string {
    return this.#concurrent + ruleId;
  }

  rate(ruleId: string): string {
    return this.#rate + ruleId;
  }
}
