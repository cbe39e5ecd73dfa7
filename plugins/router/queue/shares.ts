import { type Link, Links } from './links.ts';

/**
 * A bounded number of places that keys share: while there are some, any key gets one. When there are none, a key with less than its
 * even share gets the newest place of the key that has the most, so that one key cannot keep the others out.
 */
export class Shares<T> {
  readonly #keys = new Map<string, Links<T>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(key: string, link: Link<T>): void {
    let links = this.#keys.get(key);
    if (links === undefined) {
      links = new Links<T>();
      this.#keys.set(key, links);
    }
    links.push(link);
    this.#size++;
  }

  remove(key: string, link: Link<T>): void {
    const links = this.#keys.get(key);
    if (links === undefined || link.list !== links) return;
    links.remove(link);
    this.#size--;
    if (links.size === 0) this.#keys.delete(key);
  }

  /** Who has to leave for one more of this key; null when it is the key itself that has too many. Only when all places are taken. */
  displacedBy(key: string): T | null {
    const own = this.#keys.get(key)?.size ?? 0;
    const keys = this.#keys.size + (own === 0 ? 1 : 0);
    if (own + 1 > Math.max(1, this.#size / keys)) return null;
    let longest: Links<T> | null = null;
    for (const links of this.#keys.values()) if (longest === null || links.size > longest.size) longest = links;
    return longest === null || longest.size <= own + 1 ? null : longest.last!.value;
  }
}
