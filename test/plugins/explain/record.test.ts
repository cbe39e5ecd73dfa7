import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { render } from '../../../plugins/explain/document.ts';
import { bounds, recordVersion } from '../../../plugins/explain/record.ts';
import { Candidate } from '../../../plugins/router/candidate.ts';
import { Decision, figures } from '../../../plugins/router/decision.ts';
import { Health } from '../../../plugins/router/health.ts';
import { Plan } from '../../../plugins/router/plan.ts';
import type { Selector } from '../../../plugins/router/types.ts';
import { anyCall, groupOf, healthOptions, manualClock, plainNeeds, target } from '../router/targets.ts';
import { recorder, send, source } from './decisions.ts';

const inOrder: Selector = { pick: (candidates) => candidates[0]! };

function rig(names: readonly string[], selector: Selector = inOrder) {
  const clock = manualClock();
  const health = new Health(healthOptions, clock.now);
  const targets = names.map((name, at) => target(name, at + 1));
  const candidates = targets.map((each, slot) => new Candidate(each, slot, health.state(each)));
  const group = groupOf(candidates, 'priority', { name: 'smart', selector });
  const decision = new Decision();
  const route = { model: 'smart', groups: [group], timeouts: {} };
  const plan = new Plan(route, { health, random: () => 0 }, { ...anyCall, needs: () => plainNeeds }, decision);
  return { health, candidates, decision, plan };
}

const shown = (decision: Decision, changes = {}) => render(recorder.record(source(changes), decision))!;

describe('a decision', () => {
  it('says everything that the choice went by and what became of it', () => {
    const { decision, plan, candidates } = rig(['a', 'b'], { pick: (all) => all[0]!, score: ({ slot }) => slot + 0.5 });
    candidates[0]!.state.inFlight = 3;
    candidates[0]!.state.latency.observe(412.12345, 1_000_000);
    candidates[0]!.state.uptime.observe(0.753);
    decision.options = { order: ['acme'], timeout: '5s', explain: null };
    plan.next('first');
    plan.next('failover');
    decision.queued = 12.345;
    decision.fallback = 'context_length';
    decision.sends.push(send(candidates[0]!, { outcome: 'failed', reason: 'server', firstContent: null }), send(candidates[1]!));
    const document = shown(decision);
    const price = { input: 0.75, output: 4.5 };
    const unknown = { latency_ms: null, uptime: null, cache_share: null, output_tokens: null, share: 1 };
    expect(document).toMatchObject({
      version: recordVersion,
      exchange: 'ex_1m840at10000020tf8vq',
      request_id: 'req-1',
      created_at: 1_793_750_400.123,
      key: 'key_alice',
      config_version: 'c0ffee',
      operation: 'chat',
      stream: true,
      model: 'smart',
      needs: { input_tokens: 100, output_tokens: null, input: [], output: [], tools: false, structured_output: false },
      options: { order: ['acme'], timeout: '5s' },
      fallback: 'context_length',
      queued_ms: 12.35,
      choices_left_out: 0,
      outcome: 'ok',
      reason: null,
      status: 200,
      duration_ms: 500.46,
      cost_usd: '0.0008085',
    });
    const [first, second] = document.choices;
    expect(first).toMatchObject({
      group: 'smart',
      strategy: 'priority',
      cause: 'exhausted',
      purpose: 'first',
      chosen: 'acme/a',
      decided_by: 'strategy',
      targets_left_out: 0,
    });
    expect(first!.targets).toEqual([
      {
        target: 'acme/a',
        weight: 1,
        price,
        excluded: null,
        ...unknown,
        in_flight: 3,
        latency_ms: 412.1235,
        uptime: 0.9877,
        score: 0.5,
      },
      { target: 'acme/b', weight: 2, price, excluded: null, ...unknown, in_flight: 0, score: 1.5 },
    ]);
    expect(second).toMatchObject({
      purpose: 'failover',
      chosen: 'acme/b',
      decided_by: 'only',
      targets: [{ excluded: 'tried' }, {}],
    });
    expect(document.attempts).toEqual([
      {
        row: 7,
        target: 'acme/a',
        purpose: 'first',
        key: 'spare',
        sent_ms: 1.23,
        first_byte_ms: 200,
        first_content_ms: null,
        ended_ms: 480,
        outcome: 'failed',
        reason: 'server',
      },
      expect.objectContaining({ target: 'acme/b', first_content_ms: 210.5, outcome: 'ok' }),
    ]);
  });

  it('has null for what is not known: no number that JSON has not', () => {
    const { decision, plan } = rig(['a'], { pick: (all) => all[0]!, score: () => Number.POSITIVE_INFINITY });
    plan.next('first');
    const record = recorder.record(source({ costNano: null, principal: { keyId: null } }), decision);
    expect(record).not.toMatch(/NaN|Infinity|undefined/);
    expect(render(record)).toMatchObject({
      key: null,
      cost_usd: null,
      choices: [{ targets: [{ score: null, latency_ms: null }] }],
    });
  });

  it('of a call under way has no end', () => {
    const { decision, plan, candidates } = rig(['a']);
    plan.next('first');
    decision.sends.push(send(candidates[0]!, { firstByte: null, firstContent: null, ended: null, outcome: null }));
    expect(shown(decision, { endedAt: 0 })).toMatchObject({
      outcome: null,
      reason: null,
      status: null,
      duration_ms: null,
      cost_usd: null,
      attempts: [{ first_byte_ms: null, ended_ms: null, outcome: null }],
    });
  });

  it('of a call for which nothing could be chosen has neither target nor needs that nobody asked for', () => {
    expect(shown(new Decision(), { outcome: 'failed', reason: 'unsupported_operation', status: 400 })).toMatchObject({
      needs: null,
      choices: [],
      attempts: [],
      outcome: 'failed',
    });
  });

  it('names the group and the exclusions where no candidate was left', () => {
    const { decision, plan, health, candidates } = rig(['a', 'b']);
    for (const { state } of candidates) state.restUntil = health.now() + 1_000;
    plan.next('first');
    expect(shown(decision).choices).toMatchObject([
      { chosen: null, decided_by: null, targets: [{ excluded: 'rest' }, { excluded: 'rest' }] },
    ]);
  });
});

describe('the size of a decision', () => {
  it('is bounded: fifty targets and the chosen one, the number of the others is told', () => {
    const { decision, plan } = rig(
      Array.from({ length: 80 }, (_, at) => `m${at}`),
      { pick: (all) => all[70]! },
    );
    plan.next('first');
    const [choice] = shown(decision).choices;
    expect(choice!.targets.map((each) => each.target)).toEqual([
      ...Array.from({ length: bounds.targets }, (_, at) => `acme/m${at}`),
      'acme/m70',
    ]);
    expect(choice).toMatchObject({ chosen: 'acme/m70', targets_left_out: 29 });
  });

  it('is bounded: twenty choices, and later ones without their targets once it is long', () => {
    const { decision, plan } = rig(Array.from({ length: 80 }, (_, at) => `m${at}-${'x'.repeat(100)}`));
    for (let at = 0; at < 30; at++) plan.next('failover');
    const record = recorder.record(source(), decision);
    const { choices, choices_left_out } = render(record)!;
    expect([choices.length, choices_left_out]).toEqual([bounds.choices, 10]);
    expect(choices.at(-1)).toMatchObject({ targets: [{ target: expect.stringContaining('m19-') }], targets_left_out: 79 });
    expect(choices.at(-1)!.chosen).toContain('m19-');
    expect(record.length).toBeLessThan(bounds.characters + 20_000);
  });

  it('is bounded by what a caller writes', () => {
    const { decision, plan } = rig(['a']);
    plan.next('first');
    decision.options = { only: Array.from({ length: 50 }, () => 'n'.repeat(100_000)), timeout: '1'.repeat(100_000) };
    expect(recorder.record(source({ model: 'm'.repeat(100_000) }), decision).length).toBeLessThan(20_000);
  });
});

describe('a record', () => {
  it('is one JSON array whatever the names in it are', () => {
    const hostile = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('__proto__', '"', '\\', '\n', '\u2028', '\ud800', '],['),
    );
    fc.assert(
      fc.property(hostile, hostile, hostile, hostile, (name, model, option, credential) => {
        const { decision, plan, candidates } = rig([name]);
        decision.options = { only: [option] };
        plan.next('first');
        decision.sends.push(send(candidates[0]!, { credential, reason: option }));
        const document = shown(decision, { model, reason: option });
        expect(document).toMatchObject({
          model,
          choices: [{ chosen: `acme/${name}` }],
          attempts: [{ key: credential, reason: option }],
        });
        expect(document.options).toEqual({ only: [option] });
      }),
      { numRuns: 200 },
    );
  });

  it('holds as many figures of a target as are noted', () => {
    const { decision, plan } = rig(['a']);
    plan.next('first');
    for (const name of figures) expect(shown(decision).choices[0]!.targets[0]).toHaveProperty(name);
  });

  it.each([
    ['no JSON', '[1,"ex_'],
    ['no array', '{"version":1}'],
    ['of a later version', `[${recordVersion + 1},"ex_1"]`],
    ['nothing', ''],
  ])('that is %s says nothing', (_name, record) => {
    expect(render(record)).toBeNull();
  });

  it('that somebody has changed says what can be read of it', () => {
    expect(render(`[${recordVersion},7,null,"x",{},[],0,"y",["m"],"needs",[1],{},null,[[0,1],7,null],"a",[3]]`)).toMatchObject({
      exchange: '',
      choices: [{ group: '', targets: [] }, {}, {}],
      attempts: [{ target: '' }],
    });
  });
});
