import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Applier } from '../../../plugins/usage/applier.ts';
import type { Charged } from '../../../plugins/usage/contract.ts';
import { LedgerReader } from '../../../plugins/usage/reader.ts';
import { ledgerDirectory } from './directory.ts';
import { intent, openLedger, settlement, target } from './sample.ts';

const directory = ledgerDirectory();
const { start } = directory;

afterEach(() => {
  vi.restoreAllMocks();
});

function listening(one: ReturnType<typeof openLedger>): Charged[] {
  const heard: Charged[] = [];
  one.ledger.onCharged((charged) => heard.push(charged));
  return heard;
}

describe('what is charged', () => {
  it('is told once for each attempt, before its settle resolves', async () => {
    const one = start();
    const heard = listening(one);
    const chargedAt = Date.UTC(2026, 10, 1);
    const attempt = one.ledger.open(intent({ team: 'team_x', chargedAt }), target());
    const settled = attempt.settle(settlement());
    expect(heard).toEqual([]);
    let before = -1;
    void settled.then(() => {
      before = heard.length;
    });
    await settled;
    await attempt.settle(settlement());
    expect(before).toBe(1);
    expect(heard).toEqual([
      {
        id: 1,
        intent: { exchange: 'ex_0001', attempt: 1, operation: 'chat', keyId: 'key_a', team: 'team_x', chargedAt },
        requests: 1,
        tokens: 1_100,
        nanoUsd: 3_000_000,
      },
    ]);
  });

  it('is one request however many attempts a call takes; an unknown price counts as 0', async () => {
    const one = start();
    const heard = listening(one);
    for (const attempt of [1, 2, 0])
      await one.ledger.open(intent({ attempt }), target({ model: 'other' })).settle(settlement({ servedModel: null }));
    expect(heard.map(({ requests, nanoUsd }) => [requests, nanoUsd])).toEqual([
      [1, 0],
      [0, 0],
      [0, 0],
    ]);
  });

  it('waits for the disk where commits do, and is told all the same when that fails', async () => {
    const one = start({ synchronised: true });
    const heard = listening(one);
    const attempt = one.ledger.open(intent(), target());
    await attempt.committed;
    const disk = Promise.withResolvers<void>();
    vi.spyOn(one.journals[0], 'synchronise').mockReturnValueOnce(disk.promise);
    const settled = attempt.settle(settlement());
    await new Promise(setImmediate);
    expect(heard).toHaveLength(0);
    disk.reject(new Error('EIO'));
    await settled;
    expect(heard).toHaveLength(1);
  });

  it('D1: is what the ledger gets later when nothing can be written, and nothing of an intent that was refused', async () => {
    const one = start();
    const heard = listening(one);
    const first = one.ledger.open(intent(), target());
    await first.committed;
    const append = one.journals.map((journal) =>
      vi.spyOn(journal, 'append').mockImplementation(() => {
        throw new Error('ENOSPC');
      }),
    );
    const refused = one.ledger.open(intent(), target());
    const both = [first.settle(settlement()), refused.settle(settlement())];
    await Promise.all(both);
    await expect(refused.committed).rejects.toThrow();
    expect(heard.map(({ id }) => id)).toEqual([1]);
    for (const each of append) each.mockRestore();
  });

  it('by an earlier process, and not in the file when it died, is in the sums', async () => {
    const earlier = openLedger(directory.path);
    const attempt = earlier.ledger.open(intent(), target());
    await attempt.settle(settlement());
    await earlier.ledger.open(intent({ exchange: 'ex_0002' }), target()).committed;
    earlier.store.close();
    const one = start();
    const heard = listening(one);
    await one.ledger.recover();
    expect(heard.map(({ intent: { exchange }, tokens }) => [exchange, tokens])).toEqual([['ex_0002', 40]]);
    expect(one.ledger.sums(0)).toEqual([
      { scope: 'global', id: '', requests: 2, tokens: 1_140, nanoUsd: 3_080_000 },
      { scope: 'key', id: 'key_a', requests: 2, tokens: 1_140, nanoUsd: 3_080_000 },
    ]);
  });

  it('is in the sums at once, from the hour it is charged to', async () => {
    const one = start();
    const hour = Date.UTC(2026, 10, 22, 9);
    for (const [team, at] of [
      ['team_x', hour - 1],
      ['team_x', hour],
      [null, hour + 7_200_000],
    ] as const)
      await one.ledger.open(intent({ team, chargedAt: at }), target()).settle(settlement());
    const requests = (from: number) => one.ledger.sums(from).map(({ scope, id, requests: count }) => [scope, id, count]);
    expect(requests(0)).toEqual([
      ['global', '', 3],
      ['key', 'key_a', 3],
      ['team', 'team_x', 2],
    ]);
    expect(requests(hour)).toEqual([
      ['global', '', 2],
      ['key', 'key_a', 2],
      ['team', 'team_x', 1],
    ]);
    expect(requests(hour + 10_800_000)).toEqual([]);
  });
});

describe('arrival', () => {
  it('brings what is committed into the file, for readers on other threads, without waiting for the clock', async () => {
    const path = join(directory.path, 'ledger.sqlite');
    const applier = new Applier({ path, synchronous: 'NORMAL' });
    const { ledger } = start({ applier });
    const reader = new LedgerReader(path);
    for (let round = 1; round <= 3; round++) {
      void ledger.open(intent({ chargedAt: Date.now() }), target()).settle(settlement());
      await ledger.arrival();
      const page = await reader.usage({
        from: 0,
        to: 1e6,
        groups: [],
        label: null,
        team: null,
        key: null,
        after: null,
        limit: 1,
      });
      expect(page.total).toMatchObject({ requests: round, cost_nano: String(3_000_000 * round) });
      expect((await reader.attempts({ before: null, limit: 5, from: 0, to: 1e15, filters: {} })).data).toHaveLength(round);
    }
    await reader.close();
  });

  it('waits also after everything was brought there at once while a thread was at it', async () => {
    const { ledger, store, journals, applier } = start();
    const waiting: (() => void)[] = [];
    vi.spyOn(applier, 'apply').mockImplementation(async (request) => {
      await new Promise<void>((resolve) => waiting.push(resolve));
      const journal = journals.find(({ path }) => path === request.journal);
      return journal === undefined ? [] : store.write(journal.read().writes);
    });
    await ledger.open(intent(), target()).settle(settlement());
    const first = ledger.arrival();
    await vi.waitFor(() => expect(waiting).toHaveLength(1));
    ledger.flush();
    waiting.shift()!();
    await first;
    void ledger.open(intent(), target()).settle(settlement());
    let arrived = false;
    const second = ledger.arrival().then(() => {
      arrived = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(arrived).toBe(false);
    while (waiting.length > 0) waiting.shift()!();
    await second;
    expect(ledger.sums(0)[0]!.requests).toBe(2);
  });

  it('does not wait for ever where the file cannot be written', async () => {
    const applier = { apply: () => Promise.reject(new Error('disk I/O error')), close: async () => {} };
    const { ledger } = start({ applier });
    await ledger.open(intent(), target()).committed;
    await ledger.arrival();
    expect(ledger.ready()).toBe(false);
  });

  it('ends although calls go on', async () => {
    const { ledger } = start();
    let going = true;
    const calls = (async () => {
      while (going) await ledger.open(intent(), target()).settle(settlement());
    })();
    await ledger.arrival();
    going = false;
    await calls;
  });
});
