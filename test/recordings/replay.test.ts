import { beforeAll, describe, expect, test } from 'vitest';
import { exclusionOf, exclusions } from './exclusions.ts';
import { nextTurnDifferences } from './next-turn.ts';
import { eachOf, type Replaying, replay, startReplaying } from './replaying.ts';
import { type Recording, recordedCounts, recordings } from './store.ts';
import { answersOf } from './upstream-answers.ts';

// Recorded exchanges with real providers, replayed through a gateway over real sockets: what the client gets is held against
// what the recorded bytes say by the protocols' own rules.

const { available, folder, list } = recordings();
const providers = Object.keys(recordedCounts);
const of = (provider: string): Recording[] => list.filter((recording) => recording.provider === provider);
const replayed = (provider: string): Recording[] => of(provider).filter((recording) => exclusionOf(recording) === null);

if (!available) {
  test('without recordings nothing is replayed, and the run says so', () => {
    const counts = Object.entries(recordedCounts).map(([provider, count]) => `${count} of ${provider}`);
    const all = Object.values(recordedCounts).reduce((sum, count) => sum + count);
    console.log(`${folder} is absent: ${all} recordings left out (${counts.join(', ')})`);
    expect(list).toEqual([]);
  });
} else {
  describe('recorded exchanges', () => {
    let replaying: Replaying;
    beforeAll(async () => {
      replaying = await startReplaying();
    });

    test.each(providers)(
      '%s: nothing of an answer is lost, invented or miscounted on its way to the client',
      async (provider) => {
        const answers = replayed(provider).flatMap(answersOf);
        const { findings, exchanges } = await replay(replaying, answers);
        const left = of(provider).length - replayed(provider).length;
        console.log(`${provider}: ${replayed(provider).length} recordings replayed in ${exchanges} exchanges, ${left} excluded`);
        expect(findings).toEqual([]);
      },
      60_000,
    );

    test('proofs that came with calls go back to their provider, although the client keeps none of them', async () => {
      const answers = providers.flatMap((provider) => replayed(provider).flatMap(answersOf));
      const calling = answers.filter(
        ({ dialect, expected }) => dialect !== 'openai' && expected.kind === 'answer' && expected.choices[0]!.calls.length > 0,
      );
      const findings = await eachOf(
        calling,
        ({ name }) => name,
        (answer) => nextTurnDifferences(replaying, answer),
      );
      console.log(`${calling.length} recorded turns with calls were continued`);
      expect(findings.sort()).toEqual([]);
    }, 60_000);

    test('a recording that is left out is an answer to something the gateway cannot be asked', async () => {
      const paths = new Set(exclusions.map(({ path }) => path));
      for (const path of paths) {
        const response = await fetch(`${replaying.gateway.url}${path}`, { method: 'POST', body: '{}' });
        expect([path, response.status]).toEqual([path, 404]);
        expect(await response.json()).toMatchObject({ error: { code: 'unknown_url' } });
      }
    });
  });

  test.each(providers)('%s: at most a tenth is left out, each for a reason, and the rest is replayed', (provider) => {
    const out = of(provider).filter((recording) => exclusionOf(recording) !== null);
    for (const recording of out) console.log(`excluded ${recording.name}: ${exclusionOf(recording)!.reason}`);
    expect(out.length).toBeLessThanOrEqual(of(provider).length / 10);
    expect(out.filter((recording) => answersOf(recording).length > 0)).toEqual([]);
    expect(replayed(provider).filter((recording) => answersOf(recording).length === 0)).toEqual([]);
    expect(of(provider)).toHaveLength(recordedCounts[provider]!);
  });

  test('every exclusion still excludes something', () => {
    const used = new Set(list.map(exclusionOf));
    expect(exclusions.filter((exclusion) => !used.has(exclusion))).toEqual([]);
  });
}
