import { expect, test } from 'vitest';
import { digestOf, fingerprintOf, Secret, SecretIndex } from '../../../plugins/identity/secret-index.ts';
import { keyPrefix, newSecret } from '../../../plugins/identity/token.ts';

// As dudect does it (Reparaz, Balasch, Verbauwhede: "Dude, is my code constant time?", 2016): classes in random order, the slowest
// measurements cut off, Welch's t-test. Every key is measured once: with the same few thousand again and again, their places in the
// tables of the index were what was measured (|t| of 20 between two classes of random keys).

const pepper = Buffer.alloc(32, 7);
const comparisons = Number(process.env.AUTH_COMPARISONS ?? 24_000);
/** Keys of one class in one go, and how many of them one measurement is about: the clock is coarser than one. */
const each = 400;
const batch = 4;
/** More keys than are remembered as refused. */
const flood = Array.from({ length: 1100 }, (_, at) => `a-key-of-the-flood-${at}`);

type Classes = Readonly<Record<string, readonly string[]>>;

/** Fixed seed, so that the order of a run can be repeated. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function welch(a: readonly number[], b: readonly number[]): number {
  const of = (values: readonly number[]) => {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
    return { mean, error: variance / values.length };
  };
  const [one, other] = [of(a), of(b)];
  return (one.mean - other.mean) / Math.sqrt(one.error + other.error);
}

/** The same texts as a parser of headers makes them: flat, and those of all classes mixed in memory. */
function fresh(classes: Classes): Record<string, string[]> {
  const copies: Record<string, string[]> = Object.fromEntries(Object.keys(classes).map((name) => [name, []]));
  for (let at = 0; at < each; at++) {
    for (const [name, keys] of Object.entries(classes)) copies[name]!.push(Buffer.from(keys[at]!).toString('latin1'));
  }
  return copies;
}

/** Times of refusals by class, nanoseconds a batch. `classes` makes new keys that `index` refuses. */
function measure(index: SecretIndex<string>, classes: () => Classes, seed: number): Map<string, number[]> {
  const next = random(seed);
  const times = new Map<string, number[]>();
  let done = 0;
  // The first goes are for the compiler.
  for (let go = -3; done < comparisons; go++) {
    const keys = fresh(classes());
    for (const key of Object.values(keys).flat()) index.find(key);
    for (const key of flood) index.find(key);
    const order = Object.keys(keys).flatMap((name) =>
      Array.from({ length: each / batch }, (_, at) => ({ name, from: at * batch })),
    );
    for (let at = order.length - 1; at > 0; at--) {
      const other = Math.floor(next() * (at + 1));
      [order[at], order[other]] = [order[other]!, order[at]!];
    }
    for (const { name, from } of order) {
      const batchOf = keys[name]!;
      const started = process.hrtime.bigint();
      for (let nth = from; nth < from + batch; nth++) if (index.find(batchOf[nth]!) !== null) throw new Error('was not refused');
      const took = Number(process.hrtime.bigint() - started);
      if (go < 0) continue;
      if (!times.has(name)) times.set(name, []);
      times.get(name)!.push(took);
      done += batch;
    }
  }
  // One bound for all: above it the machine did something else.
  const all = [...times.values()].flat().sort((a, b) => a - b);
  const bound = all[Math.floor(all.length * 0.8)]!;
  return new Map([...times].map(([name, values]) => [name, values.filter((value) => value <= bound)]));
}

const make = (): string[] => Array.from({ length: each }, () => newSecret(keyPrefix));
const changed = (key: string, place: number): string =>
  key.slice(0, place) + (key[place] === 'a' ? 'b' : 'a') + key.slice(place + 1);

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/**
 * Holds every class against the first: |t| below 4.5, or means that are less than 3 % apart. On a machine that does other things the
 * places in the caches make 10 ns of 4 us significant sooner or later; a step that is left out makes a third.
 */
function compare(times: ReadonlyMap<string, number[]>): void {
  const [[, reference] = [], ...others] = [...times].sort(([a], [b]) => (a < b ? -1 : 1));
  const found = others.map(([name, values]) => ({
    name,
    t: Math.abs(welch(reference!, values)),
    apart: Math.abs(mean(values) / mean(reference!) - 1),
  }));
  const told = found.map(({ name, t, apart }) => `${name} ${t.toFixed(2)} (${(apart * 100).toFixed(1)} %)`);
  console.info(`|t| over ${comparisons} comparisons: ${told.join(', ')}`);
  expect(found.filter(({ t, apart }) => t >= 4.5 && apart >= 0.03)).toEqual([]);
}

test('G23: unknown, revoked, expired and malformed keys take the same time', { retry: 2 }, () => {
  let now = 0;
  const index = new SecretIndex<string>(keyPrefix, pepper, () => now);
  for (const key of make()) index.add(new Secret(digestOf(pepper, fingerprintOf(key)), key, Infinity));
  const classes = () => {
    now = 0;
    const [absent, revoked, expired, good] = [make(), make(), make(), make()];
    const kept = [...revoked, ...expired].map(
      (key, at) => new Secret(digestOf(pepper, fingerprintOf(key)), key, at < each ? Infinity : 1),
    );
    for (const secret of kept) index.add(secret);
    for (const key of [...revoked, ...expired]) if (index.find(key) !== key) throw new Error('was refused');
    for (const secret of kept.slice(0, each)) index.remove(secret);
    now = 1;
    return { absent, revoked, expired, malformed: good.map((key) => changed(key, key.length - 1)) };
  };
  const times = measure(index, classes, 1);
  const malformed = times.get('malformed')!;
  times.delete('malformed');
  compare(times);
  // Whether a key is malformed everybody can see: it is not looked up, which takes a fiftieth.
  const ratio = mean(malformed) / mean(times.get('absent')!);
  console.info(`malformed beside unknown: ${ratio.toFixed(3)}`);
  expect(Math.abs(ratio - 1)).toBeLessThan(0.15);
});

test('G23: a guess takes the same time whether it begins like a good key or like none', { retry: 2 }, () => {
  const index = new SecretIndex<string>(keyPrefix, pepper);
  const classes = () => {
    const good = make().map((key) => `static-key-${key.slice(-40)}`);
    for (const key of good) index.add(new Secret(digestOf(pepper, fingerprintOf(key)), key, Infinity));
    return { near: good.map((key) => changed(key, key.length - 1)), far: good.map((key) => changed(key, 0)) };
  };
  compare(measure(index, classes, 2));
});
