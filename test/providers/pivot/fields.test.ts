import { describe, expect, it } from 'vitest';
import { chatCodec } from '../../../providers/openai/chat/codec.ts';
import { applyFields, Notes } from '../../../providers/pivot/fields.ts';
import type { Call, ChatBack } from '../../../providers/provider.ts';
import type { ProviderConfig } from '../../../schemas/config.ts';
import { callOf, targetOf } from '../support.ts';

const back = {
  dialect: 'there',
  fields: { temperature: 'mapped', n: 'refused', logit_bias: 'refused', store: 'dropped', response_format: 'refused' },
  options: ['there_options'],
} as unknown as ChatBack;

function applied(body: object, call: Partial<Call> = {}, config: Partial<ProviderConfig> = {}) {
  const target = targetOf({ config: { type: 'there', ...config } });
  const made = callOf(body, call);
  const notes = new Notes(made, target);
  return { ...applyFields(made.body.json, made.dropped, chatCodec, back, notes, target), ignored: notes.ignored };
}

const refusal = (field: string) =>
  expect.objectContaining({ failure: expect.objectContaining({ reason: 'invalid_request', param: field }) });

describe('fields at a target of another dialect', () => {
  it('are passed on, left out with a warning, or refused by name', () => {
    const body = { model: 'm', messages: [], temperature: 0.5, store: true, vendor_thing: 1 };
    expect(applied(body)).toEqual({
      body: { model: 'm', messages: [], temperature: 0.5 },
      options: null,
      ignored: ['store', 'vendor_thing'],
    });
    expect(() => applied({ logit_bias: { 1: 2 } })).toThrow(refusal('logit_bias'));
  });

  it.each([
    ['null', { n: null, temperature: null, store: null }],
    ['what the API does anyway', { n: 1, store: false, response_format: { type: 'text' }, logprobs: false }],
    ['nothing at all', { logit_bias: {} }],
  ])('that ask for %s count as absent', (_what, body) => {
    expect(applied(body)).toEqual({ body: {}, options: null, ignored: [] });
  });

  it("that are the dialect's own options are handed over as they were sent", () => {
    expect(applied({ there_options: { a: [null] } }).options).toEqual({ there_options: { a: [null] } });
  });

  it('that change the meaning are left out with a warning where the operator says so', () => {
    expect(applied({ n: 3 }, {}, { unsupported_params: 'drop' })).toEqual({ body: {}, options: null, ignored: ['n'] });
  });

  it('are all refused that would have no effect when the caller requires every parameter', () => {
    const strict = { requireParameters: true };
    expect(() => applied({ store: true }, strict)).toThrow(refusal('store'));
    expect(() => applied({ n: 3 }, strict, { unsupported_params: 'drop' })).toThrow(refusal('n'));
    expect(() => applied({ vendor_thing: 1 }, strict)).toThrow(refusal('vendor_thing'));
    expect(applied({ store: false, temperature: 0.5 }, strict).body).toEqual({ temperature: 0.5 });
  });

  it('that the gateway has consumed do not show', () => {
    expect(applied({ gateway: { x: 1 }, api_key: 'x' }, { dropped: new Set(['gateway', 'api_key']) }).ignored).toEqual([]);
  });

  it('are named up to a bound', () => {
    const body = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`x${at}`, 1]));
    expect(applied(body).ignored).toHaveLength(16);
  });
});
