import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Applier } from '../../../plugins/usage/applier.ts';
import { ledgerDirectory } from './directory.ts';
import { intent, readRows, settlement, target } from './sample.ts';

const directory = ledgerDirectory();
const { start } = directory;

/** With the thread that the gateway has. */
function startWithThread() {
  const path = `${directory.path}/ledger.sqlite`;
  return start({ applier: new Applier({ path, synchronous: 'NORMAL' }) });
}

afterEach(() => {
  vi.useRealTimers();
});

/** The longest time the event loop was held during `work`, milliseconds. */
async function longestHold(work: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  }, 1);
  await work();
  clearInterval(timer);
  return Math.max(longest, performance.now() - last);
}

describe('a slow disk', () => {
  it('D2: a file that cannot be written for seconds holds up no commit, and has everything afterwards', {
    retry: 2,
  }, async () => {
    const { ledger } = startWithThread();
    await ledger.open(intent(), target()).settle(settlement());
    await expect.poll(() => readRows(directory.path)).toHaveLength(1);
    // Nothing is under way any more.
    await new Promise((resolve) => setTimeout(resolve, 150));
    // Another connection has the file for itself: for whoever writes, a disk that does not answer.
    const holder = new DatabaseSync(`${directory.path}/ledger.sqlite`);
    holder.exec('BEGIN IMMEDIATE');
    const calls = async () => {
      const until = performance.now() + 1_500;
      let count = 0;
      while (performance.now() < until) {
        await ledger.open(intent(), target()).settle(settlement());
        count++;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      return count;
    };
    let count = 0;
    const held = await longestHold(async () => {
      count = await calls();
    });
    holder.exec('ROLLBACK');
    holder.close();
    expect(held).toBeLessThan(80);
    expect(ledger.ready()).toBe(true);
    await expect
      .poll(() => readRows(directory.path).filter(({ state }) => state === 'settled'), { timeout: 5_000 })
      .toHaveLength(count + 1);
  });

  it('D2: a file that does not keep up ends in refusals, and they end with it', async () => {
    const stuck = Promise.withResolvers<readonly number[]>();
    const apply = vi.fn(() => stuck.promise);
    const { ledger, log } = start({ applier: { apply, close: async () => {} } });
    const attempts: ReturnType<typeof ledger.open>[] = [];
    const open = async (count: number) => {
      for (let left = count; left > 0; left--) attempts.push(ledger.open(intent(), target()));
      await attempts.at(-1)!.committed;
    };
    await open(1);
    await expect.poll(() => apply.mock.calls.length).toBe(1);
    await open(50_000);
    expect(ledger.ready()).toBe(true);
    await open(1);
    await expect(ledger.open(intent(), target()).committed).rejects.toMatchObject({ code: 'ledger_unavailable' });
    expect(log.lines).toEqual([expect.stringContaining('cannot be written')]);
    stuck.resolve([]);
    await expect.poll(() => ledger.ready(), { timeout: 4_000 }).toBe(true);
    await ledger.open(intent(), target()).committed;
  }, 20_000);

  it('commits wait until the disk has them, and share the wait, when they have to survive a power loss', async () => {
    const { ledger, journals } = start({ synchronised: true });
    const disk = Promise.withResolvers<void>();
    const synchronise = vi.spyOn(journals[0], 'synchronise').mockImplementationOnce(() => disk.promise);
    let committed = 0;
    const note = () => {
      committed++;
    };
    void ledger.open(intent(), target()).committed.then(note);
    for (let turn = 0; turn < 5; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
      void ledger.open(intent(), target()).committed.then(note);
    }
    await new Promise((resolve) => setImmediate(resolve));
    expect([committed, synchronise.mock.calls.length]).toEqual([0, 1]);
    disk.resolve();
    await expect.poll(() => committed).toBe(6);
    expect(synchronise).toHaveBeenCalledTimes(2);
  });

  it('D1: a disk that fails a commit refuses it', async () => {
    const { ledger, journals } = start({ synchronised: true });
    vi.spyOn(journals[0], 'synchronise').mockRejectedValue(new Error('EIO: i/o error, fdatasync'));
    await expect(ledger.open(intent(), target()).committed).rejects.toMatchObject({ code: 'ledger_unavailable' });
    expect(ledger.ready()).toBe(false);
  });
});

describe('the thread that writes the file', () => {
  it('tells what went wrong, and is started again when it ended', async () => {
    const missing = new Applier({ path: `${directory.path}/no/such/file`, synchronous: 'NORMAL' });
    const request = { journal: null, settledBelow: null, probe: true };
    await expect(missing.apply(request)).rejects.toThrow(/unable to open/);
    await expect(missing.apply(request)).rejects.toThrow(/unable to open/);
    await missing.close();

    const { ledger, store } = startWithThread();
    store.database.exec('DROP TABLE probe');
    const applier = new Applier({ path: store.path, synchronous: 'FULL' });
    await expect(applier.apply(request)).rejects.toThrow(/no such table: probe/);
    await applier.apply({ ...request, probe: false, settledBelow: 7 });
    await applier.close();
    expect(store.database.prepare("SELECT value FROM progress WHERE name = 'settled_below'").get()).toEqual({ value: 7 });
    await ledger.close();
  });
});
