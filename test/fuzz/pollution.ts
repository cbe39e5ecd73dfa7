import { afterAll, expect } from 'vitest';

// Security 27: nothing that was sent in may end up on what all objects share.

const shared: readonly (readonly [string, object])[] = [
  ['Object.prototype', Object.prototype],
  ['Array.prototype', Array.prototype],
  ['Function.prototype', Function.prototype],
  ['String.prototype', String.prototype],
  ['Number.prototype', Number.prototype],
  ['Map.prototype', Map.prototype],
  ['Buffer.prototype', Buffer.prototype],
  ['Object', Object],
];

function describe(object: object): string {
  const members = Reflect.ownKeys(object).map((key) => {
    const { value, get, set, ...flags } = Object.getOwnPropertyDescriptor(object, key)!;
    return `${String(key)} ${typeof value} ${JSON.stringify(flags)}`;
  });
  return `${members.sort().join('\n')}\nprototype: ${Object.getPrototypeOf(object) === null ? 'null' : 'same'}`;
}

/** Fails the file when its tests have added or changed a member of the objects that all others inherit from. */
export function watchPrototypes(): void {
  const before = shared.map(([name, object]) => [name, describe(object)]);
  afterAll(() => {
    expect(shared.map(([name, object]) => [name, describe(object)])).toEqual(before);
    for (const key in {}) expect.fail(`every object inherits ${key}`);
  });
}
