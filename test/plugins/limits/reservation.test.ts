import { describe, expect, test } from 'vitest';
import { Estimate } from '../../../plugins/limits/reservation.ts';
import { picoPerUnit, type RateSet } from '../../../plugins/usage/money.ts';
import type { Call, ModelInfo, Target } from '../../../providers/provider.ts';
import { target } from '../router/targets.ts';
import { gateRig, unpriced } from './gate-rig.ts';

/** 1 and 2 USD per million tokens, and what is said. */
const rates = (more: Partial<Record<keyof RateSet, number>> = {}) => ({
  base: {
    input: picoPerUnit(1),
    output: picoPerUnit(2),
    ...Object.fromEntries(Object.entries(more).map(([kind, usd]) => [kind, picoPerUnit(usd)])),
  } as RateSet,
  tiers: [],
});
const { call } = gateRig();
const held = (body: object, of: Target, more: Parameters<typeof rates>[0] = {}, groups: readonly Target[][] = [[of]]) => {
  const limited = call([], { max_tokens: 10, ...body }, groups[0]);
  const json = { model: 'm', ...body, messages: limited.call.body.json.messages };
  const members = Object.keys(json).map((key) => ({ key, start: 0, keyEnd: 0, valueStart: 0, valueEnd: 0, end: 0 }));
  const estimate = new Estimate(
    { ...limited.call, body: { ...limited.call.body, members } } as unknown as Call,
    { price: ({ model }) => (model === unpriced.model ? null : { rates: rates(more), source: 'config', version: '1' }) },
    100,
    true,
  );
  return estimate.at(of);
};
const gpt = target('gpt-4o');
const text = 'All work and no play makes Jack a dull boy. '.repeat(50);
const said = (part: object = {}, message: object = {}) => ({
  messages: [{ role: 'user', content: [{ type: 'text', text, ...part }], ...message }],
});
const nano = (body: object, more: Parameters<typeof rates>[0] = {}) => held(body, gpt, more).nanoUsd!;

describe('what is held for a call', () => {
  test('is counted at each target as its model counts, wherever in a chain of fallbacks it is', () => {
    const at = (model: string) => held(said(), target(model)).tokens;
    expect(at('claude-opus-4-8')).not.toBe(at('gpt-4o'));
    const { gate, call: limitedCall } = gateRig();
    const tokens = { scope: 'key', id: 'key_1', name: 'k', rates: {}, budgets: [{ tokens: 1e9, period: 'day' }] } as const;
    const limited = limitedCall([tokens], { max_tokens: 10, ...said() }, [gpt]);
    const claude = target('claude-opus-4-8');
    const groups = [{ targets: [gpt] }, { targets: [claude] }];
    const grant = gate.enter({ ...limited, route: { ...limited.route, groups } as never });
    expect(gate.holds.tokens).toBe(at('gpt-4o'));
    if (grant === null || grant instanceof Promise) throw new Error('not let in at once');
    expect(grant.attempt(1, claude)).toEqual({ ok: true });
    expect(gate.holds.tokens).toBe(at('claude-opus-4-8'));
    grant.leave();
  });

  test('is never for a longer answer than the model generates', () => {
    const short = { ...gpt, info: { maxOutputTokens: 5 } as ModelInfo };
    const output = (of: Target, body: object) =>
      held({ max_tokens: 1, ...body }, of).tokens - held({ max_tokens: 1 }, of).tokens + 1;
    expect(output(gpt, { max_tokens: 50 })).toBe(50);
    expect(output(short, { max_tokens: 50 })).toBe(5);
    expect(output(short, { max_tokens: 50, n: 2 })).toBe(10);
  });

  const plain = nano(said());
  const input = plain - 20_000;
  const write = { cache_write_5m: 1.25, cache_write_1h: 2 };

  test.each([
    ['nothing', said(), 1],
    ['a mark that is none', said({ cache_control: null }), 1],
    ['a part', said({ cache_control: { type: 'ephemeral' } }), 1.25],
    ['a part, for five minutes', said({ cache_control: { type: 'ephemeral', ttl: '5m' } }), 1.25],
    ['a part, for an hour', said({ cache_control: { type: 'ephemeral', ttl: '1h' } }), 2],
    ['a message', said({}, { cache_control: { type: 'ephemeral' } }), 1.25],
    ['a part, as OpenAI has it', said({ prompt_cache_breakpoint: { mode: 'explicit' } }), 1.25],
    ['the call', { ...said(), cache_control: { type: 'ephemeral' } }, 1.25],
    ['the call, in the words of a vendor', { ...said(), anthropic: { cache_control: { type: 'ephemeral', ttl: '1h' } } }, 2],
  ])('with a mark to be kept on %s is priced as what is written', (_, body, times) => {
    expect(nano(body, write)).toBe(Math.round(input * times) + 20_000);
    expect(nano(body)).toBe(plain);
  });

  test('for a tool that is marked is priced as what is written', () => {
    const tool = (extra: object) => ({ tools: [{ type: 'function', function: { name: 'f', parameters: {} }, ...extra }] });
    const marked = nano({ ...said(), ...tool({ cache_control: { type: 'ephemeral' } }) }, write);
    expect(marked).toBe(Math.round((nano({ ...said(), ...tool({}) }, write) - 20_000) * 1.25) + 20_000);
  });

  test('is not lowered by what costs less when it is kept', () => {
    expect(nano(said({ cache_control: { type: 'ephemeral' } }), { cache_write_5m: 0.1 })).toBe(plain);
  });

  test('for sound that is sent or asked for is priced as sound', () => {
    const sound = {
      messages: [{ role: 'user', content: [{ type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } }] }],
    };
    expect(nano(sound, { input_audio: 40 })).toBeGreaterThan(10 * (nano(sound) - 20_000));
    expect(nano({ ...said(), modalities: ['text', 'audio'] }, { output_audio: 20 })).toBe(plain + 180_000);
    expect(nano({ ...said(), modalities: 'audio' }, { output_audio: 20 })).toBe(plain);
  });
});
