import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { faults, rows } from '../faults.ts';
import { files, isCode, root, text } from './tree.ts';

const wanted = Object.entries(rows).flatMap(([letter, count]) => Array.from({ length: count }, (_, at) => `${letter}${at + 1}`));
/** Goals of the gates; they stand in names beside the rows. */
const goals = new Set(Array.from({ length: 30 }, (_, at) => `G${at + 1}`));

/** Ids of one part of a name: a list at its start (`S7, S12: …`), or one in brackets (`quota (A3)`). */
function idsOf(part: string): string[] {
  const leading = /^((?:[A-Z]\d{1,2}(?:, |,| )?)+):/.exec(part)?.[1]?.split(/[, ]+/) ?? [];
  return [...leading, ...[...part.matchAll(/\(([A-Z]\d{1,2})\)/g)].map((match) => match[1]!)];
}

type Names = Map<string, Set<string>>;

/** Ids in the names of each test file, keyed as in the table. `run`: import the files, so that tables of cases are filled in. */
function collect(run: boolean, paths: readonly string[] = []): Names {
  const folder = mkdtempSync(join(tmpdir(), 'postern-names-'));
  const output = join(folder, 'names.json');
  // What vitest tells its own workers is not for this one.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('VITEST')));
  const options = [run ? '--no-static-parse' : '--static-parse', `--json=${output}`, ...paths];
  try {
    execFileSync(process.execPath, [join(root, 'node_modules/vitest/vitest.mjs'), 'list', ...options], {
      cwd: root,
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const names: Names = new Map();
    for (const { name, file } of JSON.parse(readFileSync(output, 'utf8')) as { name: string; file: string }[]) {
      const key = file.slice(join(root, 'test/').length).replace(/\.test\.ts$/, '');
      if (!names.has(key)) names.set(key, new Set());
      for (const id of name.split(' > ').flatMap(idsOf)) names.get(key)!.add(id);
    }
    return names;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Every id with a file that is said to test it. */
const claims = Object.entries(faults).flatMap(([id, fault]) =>
  'tests' in fault ? fault.tests.map((file) => [id, file] as const) : [],
);

describe('the fault table', () => {
  let names: Names;
  let unmet: (readonly [string, string])[];

  beforeAll(() => {
    names = collect(false);
    unmet = claims.filter(([id, file]) => !names.get(file)?.has(id));
    // Names filled in from tables of cases are known only once their file is imported: 0.4 s each, so not for all of them.
    const paths = unmet.map(([, file]) => `test/${file}.test.ts`).filter((path) => existsSync(join(root, path)));
    if (paths.length === 0) return;
    const filled = collect(true, [...new Set(paths)]);
    unmet = unmet.filter(([id, file]) => !filled.get(file)?.has(id));
  }, 120_000);

  it('has every row of the list and no other', () => {
    expect(wanted).toHaveLength(117);
    expect(Object.keys(faults)).toEqual(wanted);
  });

  it('names for each row the files that test it, or why none does yet', () => {
    const empty = Object.entries(faults).filter(([, fault]) =>
      'tests' in fault ? fault.tests.length === 0 : !/^Waits for \S.{20,}/.test(fault.deferred),
    );
    expect(empty.map(([id]) => id)).toEqual([]);
  });

  it('names only files in which a test carries the id in its name', () => {
    expect(unmet.map(([id, file]) => `${id}: no test of test/${file}.test.ts has it in its name`)).toEqual([]);
  });

  it('knows every id that a test name carries', () => {
    const known = new Set([...wanted, ...goals]);
    const carried = [...names].flatMap(([file, ids]) => [...ids].map((id) => [id, file] as const));
    // Names that come from tables of cases stand in the sources as texts or as the member `id`.
    const written = files('test')
      .filter(isCode)
      .flatMap((path) => {
        const source = text(path);
        const texts = [...source.matchAll(/(['"`])((?:[A-Z]\d{1,2}(?:, |,| )?)+: )/g)].flatMap((match) => idsOf(match[2]!));
        const members = [...source.matchAll(/\bid: '([A-Z]\d{1,2})'/g)].map((match) => match[1]!);
        return [...texts, ...members].map((id) => [id, path] as const);
      });
    expect([...carried, ...written].filter(([id]) => !known.has(id)).map(([id, file]) => `${id} in ${file}`)).toEqual([]);
  });

  it('is what docs/faults.md shows, row by row', () => {
    const shown = [...text('docs/faults.md').matchAll(/^\| ([A-Z]\d+) \| (.+) \| (.+) \| (.+) \|$/gm)];
    const where = shown.map(([, id, , , tested]) => [
      id,
      [...tested!.matchAll(/\(\.\.\/test\/([^)]+)\.test\.ts\)/g)].map((link) => link[1]),
    ]);
    expect(where).toEqual(wanted.map((id) => [id, 'tests' in faults[id]! ? faults[id].tests : []]));
  });
});
