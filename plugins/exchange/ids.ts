const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';

function base32(value: number, width: number): string {
  let text = '';
  for (let rest = value, at = 0; at < width; at++, rest = Math.floor(rest / 32)) text = alphabet[rest % 32] + text;
  return text;
}

/**
 * Exchange ids: `ex_` + 9 characters of unix milliseconds + 4 of a counter + 7 of this process. They sort by time, so an
 * index over them only ever appends. The clock is never followed backwards, which keeps them unique within the process.
 */
export class ExchangeIds {
  readonly #now: () => number;
  readonly #suffix: string;
  #at = 0;
  #head = '';
  #count = 0;

  /** `seed`: 4 random bytes that tell processes apart. */
  constructor(now: () => number, seed: Buffer) {
    this.#now = now;
    this.#suffix = base32(seed.readUInt32BE(0), 7);
  }

  next(): string {
    const now = this.#now();
    if (now > this.#at) this.#start(now);
    else if (this.#count === 32 ** 4) this.#start(this.#at + 1);
    return `${this.#head}${base32(this.#count++, 4)}${this.#suffix}`;
  }

  #start(at: number): void {
    this.#at = at;
    this.#head = `ex_${base32(at, 9)}`;
    this.#count = 0;
  }
}

const wellFormedId = /^[A-Za-z0-9_-]{1,64}$/;

/** The caller's `x-request-id` where it is well-formed, else null. */
export function requestIdOf(header: string | string[] | undefined): string | null {
  return typeof header === 'string' && wellFormedId.test(header) ? header : null;
}

const exchangeId = /^ex_([0-9a-hjkmnp-tv-z]{9})[0-9a-hjkmnp-tv-z]{11}$/;

/** When an exchange began, by its id: unix milliseconds. Null for what is no such id. */
export function exchangeTime(id: string): number | null {
  const head = exchangeId.exec(id)?.[1];
  if (head === undefined) return null;
  let ms = 0;
  for (const letter of head) ms = ms * 32 + alphabet.indexOf(letter);
  return ms;
}
