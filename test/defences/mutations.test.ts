import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root, text } from '../project/tree.ts';
import { mutate } from './mutation.ts';
import { mutations } from './mutations/index.ts';

// What `npm run test:defences` needs to find, checked without running anything.

it('has at least 24 defences, each with a name of its own', () => {
  expect(mutations.length).toBeGreaterThanOrEqual(24);
  expect(new Set(mutations.map(({ id }) => id)).size).toBe(mutations.length);
});

describe.each(mutations)('$id', (mutation) => {
  it('is found exactly once in its source, and taken away', () => {
    const source = text(mutation.file);
    expect(mutate(source, mutation)).not.toBe(source);
  });

  it('has a test of the given name', () => {
    expect(existsSync(join(root, `test/${mutation.test}.test.ts`))).toBe(true);
    expect(text(`test/${mutation.test}.test.ts`).includes(mutation.name), mutation.name).toBe(true);
  });
});

it('a text that is gone, or there twice, is an error that names the mutation and the file', () => {
  const mutation = { ...mutations[0]!, id: 'x', file: 'a.ts', find: 'two' };
  expect(() => mutate('one', mutation)).toThrow('x: the text to replace is no longer in a.ts.');
  expect(() => mutate('two two', mutation)).toThrow('x: the text to replace is in a.ts more than once.');
});
