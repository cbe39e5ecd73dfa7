import { beforeAll, describe, expect, test, vi } from 'vitest';
import { readBody } from '../../plugins/body.ts';
import { prepareReservations, reserveInput } from '../../plugins/usage/reserve.ts';
import { type PromptParts, partsOf } from '../../plugins/usage/reserve-parts.ts';
import { encodings } from '../../plugins/usage/tokenizer.ts';
import type { Call } from '../../providers/provider.ts';
import { seeded } from '../helper/cuts.ts';
import { asOpenAi } from './as-openai.ts';
import { restored } from './restored.ts';
import { type Recording, recordedCounts, recordings } from './store.ts';
import { answersOf } from './upstream-answers.ts';

// What is held for recorded requests against what their providers counted.

interface Judged {
  readonly name: string;
  readonly model: string;
  readonly real: number;
  readonly held: number;
  readonly parts: PromptParts;
  readonly recording: Recording;
}

/** Where nobody can know beforehand how much is read. */
const unknowable: readonly { readonly reason: string; readonly of: (judged: Judged) => boolean }[] = [
  {
    reason: 'another model answered, which the provider chose',
    of: ({ recording }) => /"models": ?\[/.test(JSON.stringify(recording.request?.body)),
  },
  {
    reason: 'the provider searched the web and read what it found, again with every step',
    of: ({ parts, recording }) => parts.hosted.some((name) => /search/i.test(name)) && /web_search/.test(recording.text),
  },
  {
    reason: 'a document that only the provider sees',
    of: ({ parts }) => parts.media.some(({ kind, bytes }) => kind === 'document' && bytes === 0),
  },
];

/** Tools whose instructions are all that is read of them at first. */
const instructions = /^(?:memory|bash|text_editor|computer|code_execution)/;

/** Where more has to be held than is usual: what may be read is bounded, not known. */
const bounded: readonly { readonly reason: string; readonly of: (judged: Judged) => boolean }[] = [
  {
    reason: 'tools that the provider runs, or what it kept',
    of: ({ parts }) => parts.hosted.some((name) => !instructions.test(name)),
  },
  { reason: 'media by address or file id', of: ({ parts }) => parts.media.some(({ bytes }) => bytes === 0) },
  {
    reason: 'documents, whose pages may be full or empty',
    of: ({ parts }) => parts.media.some(({ kind }) => kind === 'document'),
  },
  {
    reason: 'Vertex AI, which counts neither thought signatures nor functions without parameters, as its sibling does',
    of: ({ parts, recording }) => recording.provider === 'vertex-gemini' && parts.tools.length > 0,
  },
];

const { available, folder, list } = recordings();

if (!available) {
  test('without recordings no reservation is held against a real count, and the run says so', () => {
    const all = Object.values(recordedCounts).reduce((sum, count) => sum + count);
    console.log(`${folder} is absent: reservations of ${all} recordings were not compared with real counts`);
    expect(list).toEqual([]);
  });
} else {
  describe('reservations for recorded requests', () => {
    let judged: readonly Judged[];
    beforeAll(async () => {
      // Windows of long texts are at places by chance.
      vi.spyOn(Math, 'random').mockImplementation(seeded(1));
      await prepareReservations(encodings);
      judged = list.flatMap(judge);
    });

    test('at least what the provider counted is held for each, but for a few that nobody can know', () => {
      const below = judged.filter(({ held, real }) => held < real);
      for (const each of below) console.log(`excluded ${describeOf(each)}: ${reasonOf(unknowable, each)}`);
      console.log(`held: ${judged.length - below.length} of ${judged.length} recordings at least what was counted`);
      expect(judged.length).toBeGreaterThan(240);
      expect(below.filter((each) => reasonOf(unknowable, each) === null).map(describeOf)).toEqual([]);
      expect(below.length).toBeLessThanOrEqual(judged.length * 0.03);
    });

    test('p95 of what is held too much is at most 30 %', () => {
      const counts = new Map<string, number>();
      const known: number[] = [];
      for (const each of judged) {
        const reason = reasonOf(unknowable, each) ?? reasonOf(bounded, each);
        if (reason === null) known.push(each.held / each.real - 1);
        else counts.set(reason, (counts.get(reason) ?? 0) + 1);
      }
      for (const [reason, count] of counts) console.log(`not in the percentile: ${count} with ${reason}`);
      const shares = [0.5, 0.9, 0.95, 1].map((share) => `p${share * 100} ${(quantile(known, share) * 100).toFixed(1)} %`);
      console.log(`held too much, ${known.length} recordings: ${shares.join(', ')}`);
      const all = judged.map(({ held, real }) => held / real - 1);
      console.log(
        `with those as well: p50 ${(quantile(all, 0.5) * 100).toFixed(1)} %, p95 ${(quantile(all, 0.95) * 100).toFixed(0)} %`,
      );
      expect(known.length).toBeGreaterThan(judged.length * 0.55);
      expect(quantile(known, 0.95)).toBeLessThanOrEqual(0.3);
    });

    test('every reason still excludes something', () => {
      const used = new Set(judged.flatMap((each) => [reasonOf(unknowable, each), reasonOf(bounded, each)]));
      expect([...unknowable, ...bounded].filter(({ reason }) => !used.has(reason))).toEqual([]);
    });
  });
}

function judge(recording: Recording): readonly Judged[] {
  const request = recording.request === null ? null : asOpenAi(restored(recording.request));
  const [answer] = answersOf(recording);
  if (request === null || answer === undefined || answer.expected.kind === 'failure' || answer.expected.usage === null) return [];
  const call: Call = {
    operation: request.operation,
    dialect: 'openai',
    body: readBody(Buffer.from(JSON.stringify(request.body))),
    stream: false,
    streamUsage: false,
    dropped: new Set(),
    requireParameters: false,
    kept: new Map(),
  };
  const { name } = recording;
  const held = reserveInput(call, [request.model]);
  return [{ name, model: request.model, real: answer.expected.usage.input, held, parts: partsOf(call), recording }];
}

function reasonOf(reasons: typeof unknowable, each: Judged): string | null {
  return reasons.find(({ of }) => of(each))?.reason ?? null;
}

function describeOf({ name, model, real, held }: Judged): string {
  return `${name} (${model}): counted ${real}, held ${held}`;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
}
