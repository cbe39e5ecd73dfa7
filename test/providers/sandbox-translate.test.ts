import { describe, expect, it } from 'vitest';
import type { Call, ProviderInstance, Target } from '../../providers/provider.ts';
import { sandbox } from '../../providers/sandbox/index.ts';
import { scanMembers } from '../../providers/wire/members.ts';
import { SseSplitter } from '../../providers/wire/sse.ts';
import { contextOf } from './support.ts';

const provider: ProviderInstance = {
  name: 'sandbox',
  type: sandbox,
  config: { type: 'sandbox' },
  baseUrl: '',
  origin: '',
  path: '',
  query: '',
  headers: {},
  credentials: [{ id: '1', weight: 1, headers: {} }],
  operations: new Set(sandbox.defaults.operations as ('chat' | 'embeddings' | 'responses')[]),
  vendorHost: false,
};

function attempt(model: string, stream: boolean) {
  const json = { model: `sandbox/${model}`, messages: [{ role: 'user', content: 'one two three' }], stream };
  const bytes = Buffer.from(JSON.stringify(json));
  const call: Call = {
    operation: 'chat',
    dialect: 'openai',
    body: { bytes, json, members: scanMembers(bytes) },
    stream,
    streamUsage: false,
    dropped: new Set(),
    requireParameters: false,
    kept: new Map(),
  };
  const target: Target = { id: `sandbox/${model}`, provider, model, weight: 1 };
  const translation = sandbox.translate(call, target, contextOf())!;
  const reply = sandbox.serve!(translation.request);
  return { translation, reply, steps: [...reply.steps] };
}

/** The stream of a model, as far as it goes, through the translator. */
function streamed(model: string) {
  const { translation, steps } = attempt(model, true);
  const translator = translation.stream();
  const splitter = new SseSplitter();
  for (const { bytes, cut } of steps) {
    if (cut) return { translator, cut };
    splitter.push(bytes!, (event) => translator.push(event));
  }
  translator.end();
  return { translator, cut: false };
}

describe('the sandbox as a provider', () => {
  it('is asked by the upstream model id and says it back', () => {
    const { translation, steps } = attempt('echo', false);
    const answer = translation.json(steps[0]!.bytes!);
    expect([answer.model, answer.usage]).toEqual(['echo', expect.objectContaining({ input: 3, output: 3 })]);
  });

  it('streams a whole answer with usage', () => {
    const { translator } = streamed('echo');
    expect([translator.completed, translator.failure, translator.content]).toEqual([true, null, true]);
    expect(translator.usage).toMatchObject({ input: 3, output: 3 });
  });

  it('S12: no-finish is a failed attempt, not a short answer', () => {
    const { translator } = streamed('no-finish');
    expect([translator.completed, translator.failure?.reason]).toEqual([false, 'truncated']);
  });

  it('cut has content when it breaks off, cut-before-content has none', () => {
    expect([streamed('cut').cut, streamed('cut').translator.content]).toEqual([true, true]);
    expect([streamed('cut-before-content').cut, streamed('cut-before-content').translator.content]).toEqual([true, false]);
  });

  it('S10: error-in-200 is a failure', () => {
    expect(streamed('error-in-200').translator.failure).not.toBeNull();
  });

  it('error-429 is a rate limit with a wait of a second', () => {
    const { translation, reply, steps } = attempt('error-429', false);
    expect(translation.failure({ status: reply.status, headers: reply.headers }, steps[0]!.bytes!)).toMatchObject({
      reason: 'rate_limit',
      retryAfterMs: 1000,
    });
  });

  it('S9: html and junk are protocol failures', () => {
    for (const model of ['html', 'junk']) {
      const { translation, steps } = attempt(model, false);
      expect(() => translation.json(steps[0]!.bytes!)).toThrow(
        expect.objectContaining({ failure: expect.objectContaining({ reason: 'protocol' }) }),
      );
    }
  });
});
