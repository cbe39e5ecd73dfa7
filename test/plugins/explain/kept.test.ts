import { describe, expect, it } from 'vitest';
import { type PageRequest, type PlacedRecord, pageOf } from '../../../plugins/explain/pages.ts';
import { DecisionRing } from '../../../plugins/explain/ring.ts';
import { Candidate } from '../../../plugins/router/candidate.ts';
import { Decision } from '../../../plugins/router/decision.ts';
import { Health } from '../../../plugins/router/health.ts';
import { healthOptions, provider, target } from '../router/targets.ts';
import { recorder, send, source } from './decisions.ts';

const health = new Health(healthOptions, () => 0);
const idOf = (at: number) => `ex_1m840at1${String(at).padStart(12, '0')}`;

function record(at: number, model = 'smart', asked = 'acme', outcome: 'ok' | 'failed' = 'ok'): string {
  const decision = new Decision();
  const its = target('m', 1, provider(asked));
  decision.sends.push(send(new Candidate(its, 0, health.state(its))));
  return recorder.record(source({ id: idOf(at), model, outcome, startedWall: at * 1000 }), decision);
}

const everything: PageRequest = { before: null, from: 0, limit: 50, model: null, provider: null, outcome: null };
const all = [5, 4, 3, 2, 1].map((at) => ({ position: at, record: record(at) }));
const page = (records: readonly PlacedRecord[], changes: Partial<PageRequest>, most?: number) => {
  const { data, next } = pageOf(records, { ...everything, ...changes }, most);
  return { found: data.map(({ exchange }) => Number(exchange.slice(11))), next };
};

function ringOf(count: number, most: number, characters?: number): DecisionRing {
  const ring = new DecisionRing(most, characters);
  for (let at = 1; at <= count; at++) ring.add(record(at));
  return ring;
}

describe('decisions in memory', () => {
  it('are the newest ones, as many as there may be', () => {
    const ring = ringOf(8, 3);
    expect(ring.newestFirst(null, 100)).toEqual([8, 7, 6].map((at) => ({ position: at, record: record(at) })));
    expect(ring.find(idOf(7))).toBe(record(7));
    expect(ring.find(idOf(5))).toBeNull();
  });

  it('are given from a position on, which stays while others come', () => {
    const ring = ringOf(8, 5);
    const positions = (before: number | null, limit: number) => ring.newestFirst(before, limit).map(({ position }) => position);
    expect(positions(null, 2)).toEqual([8, 7]);
    expect(positions(7, 2)).toEqual([6, 5]);
    ring.add(record(9));
    expect(positions(5, 2)).toEqual([]);
    expect(positions(7, 2)).toEqual([6, 5]);
    for (const odd of [-5, 0, 1]) expect(positions(odd, 2)).toEqual([]);
    expect(positions(10 ** 9, 2)).toEqual([9, 8]);
  });

  it('have a bound on what they hold together, which one alone may not pass either', () => {
    const { length } = record(1);
    const ring = ringOf(9, 100, 2 * length + 1);
    const records = () => ring.newestFirst(null, 100).map((each) => each.record);
    expect(records()).toEqual([record(9), record(8)]);
    ring.add('x'.repeat(3 * length));
    expect([ring.size, records()]).toEqual([0, []]);
    ring.add(record(10));
    expect(records()).toEqual([record(10)]);
  });
});

describe('a page of decisions', () => {
  it('has the newest first', () => {
    expect(page(all, {})).toEqual({ found: [5, 4, 3, 2, 1], next: null });
  });

  it('says where the next one begins', () => {
    expect(page(all, { limit: 2 })).toEqual({ found: [5, 4], next: 4 });
    expect(page(all.slice(2), { limit: 2 })).toEqual({ found: [3, 2], next: 2 });
    expect(page(all.slice(4), { limit: 2 })).toEqual({ found: [1], next: null });
  });

  it('has those that were asked for', () => {
    const mixed = [
      record(4, 'a', 'one'),
      record(3, 'b', 'one', 'failed'),
      record(2, 'a', 'two'),
      record(1, 'a', 'one', 'failed'),
    ].map((each, at) => ({ position: 4 - at, record: each }));
    expect(page(mixed, { model: 'a' }).found).toEqual([4, 2, 1]);
    expect(page(mixed, { provider: 'one' }).found).toEqual([4, 3, 1]);
    expect(page(mixed, { outcome: 'failed', model: 'a' }).found).toEqual([1]);
    expect(page(mixed, { from: 3_000 }).found).toEqual([4, 3]);
  });

  it('may be empty and have a next one, as only so many are looked through', () => {
    expect(page(all.slice(0, 3), { model: 'none' }, 3)).toEqual({ found: [], next: 3 });
    expect(page(all.slice(3), { model: 'none' }, 3)).toEqual({ found: [], next: null });
  });

  it('leaves out what is no record', () => {
    expect(page([{ position: 2, record: '{}' }, all[4]!], {}).found).toEqual([1]);
  });
});
