import type { Results, Samples } from './rounds.ts';
import { lowerQuartile } from './statistics.ts';

/**
 * What the whole gateway may cost, as a multiple of the baseline, before a change is refused. On an idle machine it stands at
 * 2.1 and 1.25 (RESULTS.md); the same build was seen at up to 2.5 and 1.5 beside other work, so these tell a change that costs a
 * third more from one that does not.
 */
const limits = { json: 2.8, stream: 1.8 } as const;

/** One line per figure that is above its limit; judged by the quarter of the rounds that were disturbed least. */
export function excess({ subjects }: Results, subject: string, baseline: string): readonly string[] {
  const [mine, theirs] = [subjects.get(subject)!, subjects.get(baseline)!];
  const judge = (name: string, limit: number, of: (samples: Samples) => readonly number[]): readonly string[] => {
    const ratio = lowerQuartile(of(mine), of(theirs));
    return ratio > limit
      ? [`${name} costs ${ratio.toFixed(2)} times the baseline in three of four rounds; the limit is ${limit}.`]
      : [];
  };
  return [
    ...judge('A JSON call', limits.json, ({ jsonCpuUs }) => jsonCpuUs),
    ...judge('A stream', limits.stream, ({ streamCpuUs }) => streamCpuUs),
  ];
}
