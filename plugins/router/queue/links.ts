/** One place in a list; knows the list, so that it can leave without a search. */
export class Link<T> {
  readonly value: T;
  list: Links<T> | null = null;
  before: Link<T> | null = null;
  after: Link<T> | null = null;

  constructor(value: T) {
    this.value = value;
  }
}

/**
 * A list that is entered at both ends and left anywhere, each in constant time. Not a `Set`: the first of one that is left at the
 * front all the time is found behind all that have left.
 */
export class Links<T> {
  size = 0;
  #first: Link<T> | null = null;
  #last: Link<T> | null = null;

  get first(): Link<T> | null {
    return this.#first;
  }

  get last(): Link<T> | null {
    return this.#last;
  }

  push(link: Link<T>): void {
    link.list = this;
    link.before = this.#last;
    link.after = null;
    if (this.#last === null) this.#first = link;
    else this.#last.after = link;
    this.#last = link;
    this.size++;
  }

  unshift(link: Link<T>): void {
    link.list = this;
    link.before = null;
    link.after = this.#first;
    if (this.#first === null) this.#last = link;
    else this.#first.before = link;
    this.#first = link;
    this.size++;
  }

  /** Only for a link of this list. */
  remove(link: Link<T>): void {
    if (link.before === null) this.#first = link.after;
    else link.before.after = link.after;
    if (link.after === null) this.#last = link.before;
    else link.after.before = link.before;
    link.list = link.before = link.after = null;
    this.size--;
  }
}
