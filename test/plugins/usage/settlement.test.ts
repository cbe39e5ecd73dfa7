import { describe, expect, it } from 'vitest';
import { account } from '../../../plugins/usage/settlement.ts';
import { intent, settlement } from './sample.ts';

const none = { quantities: { input: 0, output: 0 }, source: 'none' };

describe('what an attempt is charged for', () => {
  it('is what the provider said', () => {
    const usage = { input: 7, cached: 3, output: 2, reasoning: 1 };
    expect(account(intent(), settlement({ usage }))).toEqual({ quantities: usage, source: 'provider' });
  });

  it('is what the provider said even when the attempt failed afterwards', () => {
    expect(account(intent(), settlement({ outcome: 'failed', reason: 'truncated' })).source).toBe('provider');
  });

  it('is estimated when the provider gave numbers no attempt can have', () => {
    expect(account(intent(), settlement({ usage: { input: -4, output: 2 } })).source).toBe('estimated');
  });

  it('is estimated, not 0, when the provider counted nothing for an answer', () => {
    expect(account(intent(), settlement({ usage: { input: 0, output: 0 } })).source).toBe('estimated');
  });

  it('is estimated, not 0, when the provider gave no usage', () => {
    const charged = account(intent(), settlement({ usage: null }));
    expect(charged).toEqual({ quantities: { input: 40, output: 90 }, source: 'estimated' });
  });

  it('U8: is what the provider said was read, and an estimate of the rest, when it had said no more', () => {
    const cut = { outcome: 'cancelled', usage: { input: 900, cached: 800 } } as const;
    const charged = { quantities: { input: 900, cached: 800, output: 90 }, source: 'estimated' };
    expect(account(intent(), settlement(cut))).toEqual(charged);
    expect(account(intent({ operation: 'embeddings' }), settlement(cut)).source).toBe('provider');
    // Relays that count later begin with 0.
    expect(account(intent(), settlement({ ...cut, usage: { input: 0 } })).quantities.input).toBe(40);
  });

  it('is at least one token each way for an answer', () => {
    const charged = account(intent({ estimatedInput: 0 }), settlement({ usage: null, estimatedOutput: 0 }));
    expect(charged.quantities).toEqual({ input: 1, output: 1 });
  });

  it('has no output for embeddings', () => {
    const charged = account(intent({ operation: 'embeddings' }), settlement({ usage: null, estimatedOutput: 0 }));
    expect(charged.quantities).toEqual({ input: 40, output: 0 });
  });

  it('U1: is nothing when nothing reached the upstream', () => {
    const refused = settlement({
      outcome: 'failed',
      reason: 'connect',
      upstreamStatus: 0,
      usage: null,
      unsent: true,
      firstContentMs: null,
      estimatedOutput: 0,
    });
    expect(account(intent(), refused)).toEqual(none);
  });

  it.each([400, 401, 429, 500, 529, 302])('is nothing when the upstream refused with %d before any content', (upstreamStatus) => {
    const refused = settlement({
      outcome: 'failed',
      reason: 'server',
      upstreamStatus,
      usage: null,
      firstContentMs: null,
      estimatedOutput: 0,
    });
    expect(account(intent(), refused)).toEqual(none);
  });

  it('is estimated when an error status followed content', () => {
    const broken = settlement({ outcome: 'failed', reason: 'server', upstreamStatus: 529, usage: null, estimatedOutput: 5 });
    expect(account(intent(), broken)).toEqual({ quantities: { input: 40, output: 5 }, source: 'estimated' });
  });

  it('U5: is the estimated input when the connection was reset after sending', () => {
    const reset = settlement({
      outcome: 'failed',
      reason: 'network',
      upstreamStatus: 0,
      usage: null,
      firstContentMs: null,
      estimatedOutput: 0,
    });
    expect(account(intent(), reset)).toEqual({ quantities: { input: 40, output: 0 }, source: 'estimated' });
  });

  it('U8: is the estimated input when the upstream sent headers and then nothing', () => {
    const silent = settlement({
      outcome: 'failed',
      reason: 'timeout',
      upstreamStatus: 200,
      usage: null,
      firstContentMs: null,
      estimatedOutput: 0,
    });
    expect(account(intent(), silent)).toEqual({ quantities: { input: 40, output: 0 }, source: 'estimated' });
  });

  it('U10: is estimated from the content that arrived when the stream was cut', () => {
    const cut = settlement({ outcome: 'failed', reason: 'truncated', usage: null, estimatedOutput: 12 });
    expect(account(intent(), cut)).toEqual({ quantities: { input: 40, output: 12 }, source: 'estimated' });
  });

  it('is estimated when the caller left', () => {
    const left = settlement({
      outcome: 'cancelled',
      reason: 'client_closed',
      status: 499,
      usage: null,
      firstContentMs: null,
      estimatedOutput: 0,
    });
    expect(account(intent(), left)).toEqual({ quantities: { input: 40, output: 0 }, source: 'estimated' });
  });
});
