import { beforeAll, describe, expect, it, vi } from 'vitest';
import { type BuiltinData, loadBuiltin } from '../../../plugins/usage/builtin.ts';
import { cost } from '../../../plugins/usage/money.ts';
import { PriceBook, type PriceBookOptions, priceKey } from '../../../plugins/usage/price.ts';
import { target } from './sample.ts';

const now = Date.UTC(2026, 10, 22, 12);

async function readyBook(options: Partial<PriceBookOptions> = {}): Promise<PriceBook> {
  const book = new PriceBook({ prices: {}, version: 'c1', ...options });
  await book.ready();
  return book;
}

let book: PriceBook;
beforeAll(async () => {
  book = await readyBook();
});

const find = (priceProvider: string, model: string, at = now) => book.find({ provider: 'any', priceProvider, model }, at);
const nano = (priceProvider: string, model: string, quantities: Record<string, number>, at = now) =>
  cost(quantities, find(priceProvider, model, at)!.rates);

describe('published cases', () => {
  it('300k tokens with 100k cached on gpt-5.6-sol cost 1.71 USD plus output at 30 USD per million', () => {
    expect(nano('openai', 'gpt-5.6-sol', { input: 300_000, cached: 100_000, output: 0 })).toBe(1_680_000_000n);
    expect(nano('openai', 'gpt-5.6-sol', { input: 300_000, cached: 100_000, output: 1000 })).toBe(1_710_000_000n);
  });

  it.each([
    ['openai', 'gpt-6-astra', 10, 1, 50],
    ['openai', 'gpt-6-sol', 2, 0.2, 10],
    ['openai', 'gpt-6-luna', 0.1, 0.01, 0.5],
    ['openai', 'gpt-5.6-terra', 2, 0.2, 12],
    ['openai', 'gpt-5.4-mini', 0.75, 0.075, 4.5],
    ['openai', 'gpt-4.1', 2, 0.5, 8],
    ['google', 'gemini-3.8-flash', 0.75, 0.075, 3.75],
    ['google', 'gemini-2.5-flash', 0.3, 0.03, 2.5],
    ['google', 'gemini-3.1-pro-preview', 2, 0.2, 12],
    ['anthropic', 'claude-opus-5-5', 4, 0.2, 20],
    ['anthropic', 'claude-sonnet-5', 2, 0.2, 10],
    ['anthropic', 'claude-haiku-4-5', 1, 0.1, 5],
  ])('%s %s is %d / %d / %d USD per million in / cached / out', (priceProvider, model, input, cached, output) => {
    const million = 1_000_000_000n;
    // 1000 units, below every long-context tier.
    const per = (usd: number) => (BigInt(Math.round(usd * 1e6)) * million) / 1_000_000_000n;
    expect(nano(priceProvider, model, { input: 1000, output: 0 })).toBe(per(input));
    expect(nano(priceProvider, model, { input: 1000, cached: 1000, output: 0 })).toBe(per(cached));
    expect(nano(priceProvider, model, { input: 0, output: 1000 })).toBe(per(output));
  });

  it('cache writes of 5 minutes and 1 hour have their own prices', () => {
    expect(nano('anthropic', 'claude-opus-5-5', { input: 1000, cache_write_5m: 1000, output: 0 })).toBe(5_000_000n);
    expect(nano('anthropic', 'claude-opus-5-5', { input: 1000, cache_write_1h: 1000, output: 0 })).toBe(8_000_000n);
  });

  it('an embedding model has a price for input only', () => {
    expect(nano('openai', 'text-embedding-3-small', { input: 1_000_000, output: 0 })).toBe(20_000_000n);
  });
});

describe('prices of what is no text', () => {
  it.each([
    ['google', 'gemini-2.5-flash-image', { output: 1290, output_image: 1290 }, 1290n * 30_000n],
    ['google', 'gemini-3-pro-image-preview', { output: 1120, output_image: 1120 }, 1120n * 120_000n],
    ['google', 'gemini-2.5-flash', { input: 100, input_audio: 100 }, 100n * 1000n],
    ['google', 'gemini-2.5-flash', { input: 100, input_audio: 100, cached: 100, cached_audio: 100 }, 100n * 100n],
    ['google', 'gemini-omni-flash-preview', { output: 100, output_video: 100 }, 100n * 17_500n],
    ['openai', 'gpt-audio', { input: 10, input_audio: 10, output: 10, output_audio: 10 }, 10n * 32_000n + 10n * 64_000n],
    ['anthropic', 'claude-opus-5', { input: 10, output: 10, web_search: 2 }, 10n * 5000n + 10n * 25_000n + 20_000_000n],
  ])('%s %s: %j', (priceProvider, model, quantities, expected) => {
    expect(nano(priceProvider, model, quantities as unknown as Record<string, number>)).toBe(expected);
  });

  it('are unknown where pictures have none: they cost many times the text', () => {
    expect(nano('google', 'gemini-2.5-flash', { input: 0, output: 1290, output_image: 1290 })).toBeNull();
  });
});

describe('dated prices', () => {
  it('change on the day they say', () => {
    const before = nano('openai', 'gpt-5.6-sol', { input: 1000, output: 0 }, Date.UTC(2026, 7, 20, 23, 59, 59));
    const after = nano('openai', 'gpt-5.6-sol', { input: 1000, output: 0 }, Date.UTC(2026, 7, 21));
    expect([before, after]).toEqual([5_000_000n, 4_000_000n]);
  });

  it('change while the process runs, without a restart', () => {
    const at = (when: number) => nano('google', 'gemini-3.8-flash', { input: 1000, output: 0 }, when);
    expect([at(Date.UTC(2026, 11, 31, 23, 59)), at(Date.UTC(2027, 0, 1)), at(now)]).toEqual([750_000n, 1_500_000n, 750_000n]);
  });

  it('of hours of the day hold in those hours', () => {
    const at = (hour: number, minute: number) =>
      nano('deepseek', 'deepseek-v4-pro', { input: 1000, output: 0 }, Date.UTC(2026, 10, 22, hour, minute));
    expect(at(2, 0)).toBe(2n * at(12, 0)!);
    expect(at(4, 0)).toBe(at(12, 0));
  });
});

describe('a model the data does not have', () => {
  it.each([
    ['anthropic', 'claude-sonnet-5-5'],
    ['anthropic', 'claude-sonnet-5-mini'],
    ['anthropic', 'claude-haiku-5-5'],
    ['openai', 'gpt-6.1-sol'],
    ['openai', 'gpt-5.6-sol-mini'],
    ['google', 'gemini-3.8-flash-lite'],
    ['google', 'gemini-4-argon'],
    ['google', 'gemini-3.5-flash-8b'],
    ['google', 'my-gemini-2.0-flash'],
    ['google', 'gemini-flash-latest'],
    ['google', 'claude-sonnet-5-5'],
    ['openai', 'ft:gpt-3.5-turbo-next'],
    ['openai', 'ft:gpt-3.5-turbo-next:acme::a1b2'],
    ['openai', ''],
    ['nobody', 'gpt-4o'],
    ['not-openai', 'gpt-4o'],
  ])('is unknown, not priced as a relative: %s %s', (priceProvider, model) => {
    expect(find(priceProvider, model)).toBeNull();
  });

  it('is unknown when the data knows it and has no price per token', () => {
    expect(find('openai', 'whisper-1')).toBeNull();
  });
});

describe('a newer relative of any model of the data', () => {
  it('is not priced as that model', async () => {
    const data = await loadBuiltin();
    const tails = ['-5-5', '.5', '-lite', '-mini', '-pro', '-next', '-max', '-8b', 'x', '-audio', '-ultra'];
    const relatives = ['openai', 'anthropic', 'google', 'groq', 'mistral', 'deepseek', 'x-ai'].flatMap((provider) => {
      const ids = data.models(provider).map(({ id }) => id);
      const made = ids.flatMap((id) => tails.map((tail) => `${id}${tail}`)).filter((id) => !ids.includes(id));
      return made.map((id) => ({ provider, id, history: data.find(provider, id) }));
    });
    expect(relatives.length).toBeGreaterThan(2000);
    // These are names of models the data has: other spellings of 5.1 and of Opus 5.5, the older of two audio models.
    const found = relatives.filter(({ history }) => history !== null).map(({ id }) => id);
    expect(found).toEqual(['gpt-4o-mini-audio', 'gpt-5.1-mini', 'claude-opus-5.5', 'claude-opus-5.5']);
  });
});

describe('another spelling of a model the data has', () => {
  it.each([
    ['anthropic', 'claude-sonnet-5-20260930', 'claude-sonnet-5'],
    ['anthropic', 'claude-sonnet-5@20260930', 'claude-sonnet-5'],
    ['anthropic', 'claude-haiku-4-5-latest', 'claude-haiku-4-5'],
    ['openai', 'gpt-5.6-sol-2026-08-01', 'gpt-5.6-sol'],
    ['openai', 'GPT-4o', 'gpt-4o'],
    ['google', 'gemini-3.8-flash-001', 'gemini-3.8-flash'],
    ['google', 'models/gemini-2.0-flash', 'gemini-2.0-flash'],
    ['google', 'gemini-2.0-flash-001', 'gemini-2.0-flash'],
  ])('has its price: %s %s', (priceProvider, model, same) => {
    expect(find(priceProvider, model)).toEqual(find(priceProvider, same));
    expect(find(priceProvider, model)).not.toBeNull();
  });

  it('is found for a fine-tuned model by its base and date', () => {
    expect(nano('openai', 'ft:gpt-3.5-turbo-0125:acme::a1b2', { input: 1000, output: 0 })).toBe(3_000_000n);
    expect(nano('openai', 'ft:gpt-4o-2024-08-06:acme:support:a1b2', { input: 1000, output: 0 })).toBe(3_750_000n);
  });
});

describe('the price book', () => {
  it('takes the configuration before the built-in data', async () => {
    const own = await readyBook({ prices: { 'any/gpt-4o': { input: 1, output: 2 } } });
    const found = own.find({ provider: 'any', priceProvider: 'openai', model: 'gpt-4o' }, now);
    expect(found).toMatchObject({ source: 'config', version: 'c1', rates: { base: { input: 1_000_000, output: 2_000_000 } } });
  });

  it('takes the exact name of the configuration, else the longest pattern', async () => {
    const prices = { 'any/*': { input: 1 }, 'any/gpt-*': { input: 2 }, 'any/gpt-4o': { input: 3 }, '*': { input: 4 } };
    const own = await readyBook({ prices });
    const input = (provider: string, model: string) =>
      own.find({ provider, priceProvider: 'openai', model }, now)?.rates.base.input;
    expect(input('any', 'gpt-4o')).toBe(3_000_000);
    expect(input('any', 'gpt-4o-mini')).toBe(2_000_000);
    expect(input('any', 'o3')).toBe(1_000_000);
    expect(input('other', 'o3')).toBe(4_000_000);
  });

  it('takes the newest entry of a name that has begun, in any order of the file', async () => {
    const written = [{ input: 3, from: '2027-01-01T12:00:00Z' }, { input: 1 }, { input: 2, from: '2026-12-31' }];
    const own = await readyBook({ prices: { 'any/m': written } });
    const input = (at: number) => own.find({ provider: 'any', priceProvider: null, model: 'm' }, at)?.rates.base.input;
    expect(input(Date.UTC(2026, 11, 30, 23, 59, 59, 999))).toBe(1_000_000);
    expect(input(Date.UTC(2026, 11, 31))).toBe(2_000_000);
    expect(input(Date.UTC(2027, 0, 1, 11, 59))).toBe(2_000_000);
    expect(input(Date.UTC(2027, 0, 1, 12))).toBe(3_000_000);
  });

  it('leaves the built-in price in force until a configured one begins', async () => {
    const own = new PriceBook({ prices: { 'any/gpt-4o': [{ input: 9, from: '2027-01-01' }] }, version: 'c1' });
    const key = { provider: 'any', priceProvider: 'openai', model: 'gpt-4o' };
    expect(own.waits(key)).toBe(true);
    await own.ready();
    expect(own.find(key, now)).toMatchObject({ source: 'builtin', rates: { base: { input: 2_500_000 } } });
    expect(own.find(key, Date.UTC(2027, 0, 1))).toMatchObject({ source: 'config', rates: { base: { input: 9_000_000 } } });
    const unknown = { provider: 'any', priceProvider: null, model: 'gpt-4o' };
    expect(own.find(unknown, now)).toBeNull();
  });

  it('names the version of the built-in data', () => {
    expect(find('openai', 'gpt-4o')).toMatchObject({ source: 'builtin', version: expect.stringMatching(/^\d+\.\d+\.\d+$/) });
  });

  it('knows that a provider answering in process costs nothing', () => {
    const key = priceKey(target({ local: true, model: 'echo' }));
    expect(book.find(key, now)).toMatchObject({ source: 'sandbox', rates: { base: { input: 0, output: 0 } } });
  });

  it('does not know what a server without price data costs', () => {
    expect(book.find(priceKey(target()), now)).toBeNull();
  });

  it('gives a preset the prices of its own vendor, or none', () => {
    const presets = { other: { priceProvider: 'groq' }, local: {} };
    const of = (preset?: string) =>
      priceKey(target({ priceProvider: 'openai', presets, ...(preset ? { preset } : {}) })).priceProvider;
    expect([of(), of('other'), of('local')]).toEqual(['openai', 'groq', null]);
  });

  it('names the entry whose price is out of range', () => {
    expect(() => new PriceBook({ prices: { 'acme/x': { input: 1e12 } }, version: 'c1' })).toThrow(/prices\."acme\/x"/);
  });

  it('loads nothing before it is asked to', () => {
    const load = vi.fn(loadBuiltin);
    const lazy = new PriceBook({ prices: { 'any/own': { input: 1 } }, version: 'c1', load });
    const key = { provider: 'any', priceProvider: 'openai', model: 'gpt-4o' };
    expect([lazy.find(key, now), lazy.waits(key), lazy.waits({ ...key, model: 'own' }), load.mock.calls.length]).toEqual([
      null,
      true,
      false,
      0,
    ]);
  });

  it('tries again after a load that failed', async () => {
    const load = vi.fn<() => Promise<BuiltinData>>().mockRejectedValueOnce(new Error('disk')).mockImplementation(loadBuiltin);
    const flaky = new PriceBook({ prices: {}, version: 'c1', load });
    await expect(flaky.ready()).rejects.toThrow('disk');
    await flaky.ready();
    expect(flaky.find({ provider: 'any', priceProvider: 'openai', model: 'gpt-4o' }, now)).not.toBeNull();
  });

  it('remembers a bounded number of models', async () => {
    const looked = vi.fn(() => null);
    const counting = await readyBook({ load: async () => ({ version: '0', find: looked, models: () => [] }) });
    const ask = (model: string) => counting.find({ provider: 'any', priceProvider: 'p', model }, now);
    for (let at = 0; at < 1500; at++) ask(`m-${at}`);
    ask('m-1499');
    expect(looked).toHaveBeenCalledTimes(1500);
    ask('m-0');
    expect(looked).toHaveBeenCalledTimes(1501);
  });

  it('lists the context windows of a provider', () => {
    expect(book.builtinModels('openai').find(({ id }) => id === 'gpt-4o')).toEqual({
      id: 'gpt-4o',
      created: 0,
      ownedBy: 'openai',
      contextWindow: 128_000,
    });
  });
});
