import { createHmac, hash, timingSafeEqual } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { isWellFormed, shortestKey } from './token.ts';

/** Refused keys that are remembered: bounded, so a flood of random keys costs no memory. */
const refusedLimit = 1024;

/** One secret that opens something. */
export class Secret<T> {
  /** HMAC-SHA-256(pepper, SHA-256(secret)). */
  readonly digest: Buffer;
  readonly owner: T;
  /** Unix milliseconds; not taken from then on. Infinity: for ever. */
  readonly until: number;
  /** SHA-256 of it in base64, once it was presented. */
  fingerprint: string | null = null;

  constructor(digest: Buffer, owner: T, until: number) {
    this.digest = digest;
    this.owner = owner;
    this.until = until;
  }
}

/** What is compared where there is nothing to compare with. */
const nobody = Buffer.alloc(32);

/** SHA-256 of a key, in base64. */
export const fingerprintOf = (key: string): string => hash('sha256', key, 'base64');

/** HMAC-SHA-256 of a fingerprint under the pepper. */
export const digestOf = (pepper: Buffer, fingerprint: string): Buffer =>
  createHmac('sha256', pepper).update(fingerprint, 'base64').digest();

/**
 * Secrets by their digests: neither a dump of them nor a digest can be used as a key. Measured: 0.5 µs for a key presented before, 5 µs
 * for another, with 10 keys as with 10,000 (bench/micro/auth.ts).
 *
 * A key that is unknown, removed or malformed takes the same steps; one whose time is over does so the second time it is presented.
 */
export class SecretIndex<T> {
  readonly #prefix: string;
  #pepper: Buffer;
  readonly #byDigest = new Map<string, Secret<T>>();
  /** By fingerprint: secrets that were presented. Never more than there are. */
  readonly #known = new Map<string, Secret<T>>();
  readonly #refused = new LRUCache<string, true>({ max: refusedLimit });
  readonly #none: ReadonlyMap<string, Secret<T>> = new Map();
  readonly #now: () => number;
  /** Secrets with our prefix that are none of our making. */
  #odd = 0;

  /** `prefix`: a key that begins with it has to have a checksum, else it is not looked up. */
  constructor(prefix: string, pepper: Buffer, now: () => number = Date.now) {
    this.#prefix = prefix;
    this.#pepper = pepper;
    this.#now = now;
  }

  get size(): number {
    return this.#byDigest.size;
  }

  get pepper(): Buffer {
    return this.#pepper;
  }

  /** Forgets every secret, too: digests are of one pepper. */
  set pepper(pepper: Buffer) {
    this.#pepper = pepper;
    this.#byDigest.clear();
    this.#known.clear();
    this.#refused.clear();
    this.#odd = 0;
  }

  /** From now on secrets with our prefix are looked up without a checksum: the operator wrote one. */
  takeOdd(): void {
    this.#odd++;
  }

  /** False, and nothing is changed, when another owner has the same secret. */
  add(secret: Secret<T>): boolean {
    const at = secret.digest.toString('base64');
    if (this.#byDigest.has(at)) return false;
    this.#byDigest.set(at, secret);
    if (this.#refused.size > 0) this.#refused.clear();
    return true;
  }

  /** Who has the secret with this digest. */
  ownerOf(digest: Buffer): T | null {
    return this.#byDigest.get(digest.toString('base64'))?.owner ?? null;
  }

  remove(secret: Secret<T>): void {
    const at = secret.digest.toString('base64');
    if (this.#byDigest.get(at) === secret) this.#byDigest.delete(at);
    if (secret.fingerprint !== null) this.#known.delete(secret.fingerprint);
  }

  /** Whose secret this is; null when it is nobody's. */
  find(key: string): T | null {
    const fingerprint = fingerprintOf(key);
    const known = this.#known.get(fingerprint);
    if (known !== undefined && (known.until === Infinity || known.until > this.#now())) return known.owner;
    if (this.#refused.has(fingerprint)) return null;
    const digest = digestOf(this.#pepper, fingerprint);
    const secrets = this.#isMalformed(key) ? this.#none : this.#byDigest;
    const secret = secrets.get(digest.toString('base64'));
    const isEqual = timingSafeEqual(secret?.digest ?? nobody, digest);
    if (secret === undefined || !isEqual) {
      this.#refused.set(fingerprint, true);
      return null;
    }
    if (secret.until <= this.#now()) {
      this.remove(secret);
      this.#refused.set(fingerprint, true);
      return null;
    }
    secret.fingerprint = fingerprint;
    this.#known.set(fingerprint, secret);
    return secret.owner;
  }

  #isMalformed(key: string): boolean {
    if (key.length < shortestKey) return true;
    return key.startsWith(this.#prefix) && !isWellFormed(key, this.#prefix) && this.#odd === 0;
  }
}
