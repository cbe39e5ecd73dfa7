import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Journal } from '../../../plugins/usage/journal.ts';
import { intentRow, type Write } from '../../../plugins/usage/rows.ts';
import { intent, openLedger, temporaryDirectory } from './sample.ts';

let directory: ReturnType<typeof temporaryDirectory>;
const path = () => join(directory.path, 'ledger.journal-1');
const open = () => new Journal(path());

beforeEach(() => {
  directory = temporaryDirectory();
});
afterEach(() => directory.remove());

const write = (id: number): Write => intentRow(id, intent({ exchange: `ex_${id} \n é 漢` }), null);
const ids = (journal: Journal) => journal.read().writes.map(({ id }) => id);

describe('a journal', () => {
  it('gives back what was appended, in order, also to the next process', async () => {
    const first = open();
    first.append([write(1), write(2)]);
    first.append([write(3)]);
    await first.synchronise();
    first.close();
    const next = open();
    expect(next.read()).toEqual({ writes: [write(1), write(2), write(3)], damaged: 0 });
    next.append([write(4)]);
    expect(ids(next)).toEqual([1, 2, 3, 4]);
    next.close();
  });

  it('is for its owner only, and leaves no file when it is empty', () => {
    const journal = open();
    journal.append([write(1)]);
    expect(statSync(path()).mode & 0o777).toBe(0o600);
    journal.clear();
    expect(statSync(path()).size).toBe(0);
    journal.append([write(2)]);
    expect(ids(journal)).toEqual([2]);
    journal.clear();
    journal.close();
    expect(existsSync(path())).toBe(false);
  });

  it('D3: ends before a torn line, wherever it was cut', () => {
    const first = open();
    first.append([write(1)]);
    const whole = statSync(path()).size;
    first.append([write(2)]);
    first.close();
    const bytes = readFileSync(path());
    for (let length = whole; length < bytes.length; length++) {
      writeFileSync(path(), bytes.subarray(0, length));
      const journal = open();
      expect([length, journal.read()]).toEqual([length, { writes: [write(1)], damaged: 0 }]);
      journal.close();
    }
  });

  it('D3: finds any damaged byte in its middle and goes on with the next line', () => {
    const first = open();
    for (const id of [1, 2, 3]) first.append([write(id)]);
    first.close();
    const bytes = readFileSync(path());
    const second = bytes.indexOf('\n') + 1;
    const third = bytes.indexOf('\n', second) + 1;
    fc.assert(
      fc.property(fc.integer({ min: second, max: third - 2 }), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const damaged = Buffer.from(bytes);
        damaged[at]! ^= flip;
        writeFileSync(path(), damaged);
        const journal = open();
        const remains = journal.read();
        journal.close();
        expect(remains.writes.map(({ id }) => id)).toEqual([1, 3]);
        expect(remains.damaged).toBeGreaterThan(0);
      }),
      { numRuns: 300 },
    );
  });

  it('D1: an append that fails is told, and leaves nothing behind', () => {
    symlinkSync('/dev/full', path());
    const journal = open();
    expect(() => journal.append([write(1)])).toThrow(/ENOSPC/);
    expect(journal.read()).toEqual({ writes: [], damaged: 0 });
  });

  it('D3: zeros at its end, where a machine lost power, are no damage', () => {
    const first = open();
    first.append([write(1)]);
    first.close();
    appendFileSync(path(), Buffer.concat([Buffer.alloc(600), Buffer.from('\n')]));
    const journal = open();
    expect(journal.read()).toEqual({ writes: [write(1)], damaged: 0 });
    journal.close();
  });
});

it('D3: a ledger keeps a damaged journal aside, says so, and has the rest', async () => {
  const first = open();
  for (const id of [1, 2, 3]) first.append([write(id)]);
  first.close();
  const bytes = readFileSync(path());
  bytes[bytes.indexOf('\n') + 20]! ^= 1;
  writeFileSync(path(), bytes);

  const { ledger, log } = openLedger(directory.path);
  expect(await ledger.recover()).toBe(2);
  await ledger.close();
  const aside = readdirSync(directory.path).filter((name) => /^ledger\.journal-1\.damaged-\d{8}T\d{6}\.\d{3}Z$/.test(name));
  expect(aside).toHaveLength(1);
  expect(readFileSync(join(directory.path, aside[0]!))).toEqual(bytes);
  expect(log.lines).toEqual([expect.stringMatching(/^warn .*journal/)]);
  truncateSync(join(directory.path, aside[0]!), 0);
});
