/** One defence taken away, and the test that has to notice. */
export interface Mutation {
  readonly id: string;
  /** What no longer holds, in a few words. */
  readonly removes: string;
  /** Source file, from the root. */
  readonly file: string;
  /** Text that is in the file exactly once. */
  readonly find: string;
  readonly replace: string;
  /** Test file below test/, without `.test.ts`. */
  readonly test: string;
  /** Part of the names of the tests that have to fail, as it is written in the test file. */
  readonly name: string;
}

/** The source without the defence. Throws when the text to replace is not there exactly once: the source moved on. */
export function mutate(source: string, { id, file, find, replace }: Mutation): string {
  const at = source.indexOf(find);
  if (at === -1) throw new Error(`${id}: the text to replace is no longer in ${file}.`);
  if (source.indexOf(find, at + 1) !== -1) throw new Error(`${id}: the text to replace is in ${file} more than once.`);
  return source.slice(0, at) + replace + source.slice(at + find.length);
}
