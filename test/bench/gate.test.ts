import { describe, expect, it } from 'vitest';
import { excess } from '../../bench/gate.ts';
import type { Results, Samples } from '../../bench/rounds.ts';

function results(json: readonly number[], stream: readonly number[]): Results {
  const samples = (jsonCpuUs: readonly number[], streamCpuUs: readonly number[]) => ({ jsonCpuUs, streamCpuUs }) as Samples;
  const ones = json.map(() => 100);
  return {
    subjects: new Map([
      ['base', samples(ones, ones)],
      ['whole', samples(json, stream)],
    ]),
    direct: samples([], []),
    lateMs: [],
  };
}

const judge = (json: readonly number[], stream: readonly number[]) => excess(results(json, stream), 'whole', 'base');

describe('the limits of what a call may cost', () => {
  it('let pass what they are meant for, and single rounds that were disturbed', () => {
    expect(judge([200, 210, 190, 220], [135, 140, 130, 150])).toEqual([]);
    expect(judge([200, 900, 700, 800], [135, 500, 400, 450])).toEqual([]);
  });

  it('find a change that costs half as much again in all rounds', () => {
    expect(judge([300, 315, 290, 330], [205, 210, 195, 225])).toEqual([
      'A JSON call costs 2.90 times the baseline in three of four rounds; the limit is 2.8.',
      'A stream costs 1.95 times the baseline in three of four rounds; the limit is 1.8.',
    ]);
  });
});
