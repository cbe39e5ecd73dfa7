import { beforeAll, describe, expect, it } from 'vitest';
import { cost } from '../../../plugins/usage/money.ts';
import { PriceBook } from '../../../plugins/usage/price.ts';
import { anthropic } from '../../../providers/anthropic/index.ts';
import { gemini } from '../../../providers/gemini/index.ts';
import { openai } from '../../../providers/openai/index.ts';
import type { ProviderType, Translation } from '../../../providers/provider.ts';
import type { Quantities } from '../../../providers/unified.ts';
import type { Config } from '../../../schemas/config.ts';
import { callOf, contextOf, play, targetOf } from '../../providers/support.ts';

// Miscounted costs that users of other gateways reported in public, with the numbers they gave: the usage as the provider sends it,
// through the adapter, to nano-USD. Each names what the gateway of the report made of it.

let book: PriceBook;
beforeAll(async () => {
  book = new PriceBook({ prices: {}, version: 'c1' });
  await book.ready();
});

const now = Date.UTC(2026, 10, 22);

/** By the built-in prices of a model. */
function builtin(priceProvider: string, model: string, quantities: Quantities | null): bigint | null {
  return cost(quantities!, book.find({ provider: 'any', priceProvider, model }, now)!.rates);
}

/** By the prices of the report, USD per million tokens. */
function reported(prices: Config['prices'][string], quantities: Quantities | null): bigint | null {
  const own = new PriceBook({ prices: { 'any/model': prices }, version: 'c1' });
  return cost(quantities!, own.find({ provider: 'any', priceProvider: null, model: 'model' }, now)!.rates);
}

function translation(type: ProviderType, model: string, stream: boolean): Translation {
  const call = callOf({ model, messages: [{ role: 'user', content: 'x' }], ...(stream ? { stream: true } : {}) });
  return type.translate(call, targetOf({ type, config: { type: type.type } }, { model }), contextOf())!;
}

const jsonUsage = (type: ProviderType, model: string, body: object): Quantities | null =>
  translation(type, model, false).json(Buffer.from(JSON.stringify(body))).usage;

function streamUsage(type: ProviderType, model: string, events: readonly object[]): Quantities | null {
  const stream = translation(type, model, true).stream();
  play(
    stream,
    events.map((event) => `event: ${(event as { type?: string }).type ?? ''}\ndata: ${JSON.stringify(event)}\n\n`).join(''),
  );
  expect(stream.failure).toBeNull();
  return stream.usage;
}

/** `usageMetadata` in the answer, and in the last chunk of a stream. */
function geminiUsage(model: string, usageMetadata: object): Quantities {
  const answer = { candidates: [{ content: { role: 'model', parts: [{ text: 'y' }] }, finishReason: 'STOP' }], usageMetadata };
  const whole = jsonUsage(gemini, model, answer);
  expect(streamUsage(gemini, model, [answer])).toEqual(whole);
  return whole!;
}

const text = [
  { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
  { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'y' } },
  { type: 'content_block_stop', index: 0 },
];

/** `usage` said by `message_start`, then by `message_delta`. */
function anthropicStream(model: string, start: object, delta: object): Quantities | null {
  const message = { id: 'msg_1', type: 'message', role: 'assistant', model, content: [], stop_reason: null, usage: start };
  const end = { type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: delta };
  return streamUsage(anthropic, model, [{ type: 'message_start', message }, ...text, end, { type: 'message_stop' }]);
}

/** The same usage in one answer, and over a stream. */
function anthropicUsage(model: string, usage: { output_tokens: number }): Quantities {
  const content = [{ type: 'text', text: 'y' }];
  const whole = jsonUsage(anthropic, model, {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model,
    content,
    stop_reason: 'end_turn',
    usage,
  });
  expect(anthropicStream(model, { ...usage, output_tokens: 1 }, { output_tokens: usage.output_tokens })).toEqual(whole);
  return whole!;
}

function chatUsage(model: string, usage: object): Quantities {
  const message = { role: 'assistant', content: 'y', refusal: null };
  const choices = [{ index: 0, message, logprobs: null, finish_reason: 'stop' }];
  return jsonUsage(openai, model, { id: 'chatcmpl-1', object: 'chat.completion', created: 1, model, choices, usage })!;
}

describe('cached tokens are charged once', () => {
  // BerriAI/litellm#14849, gemini-2.5-pro: 0.7642 USD reported, 0.1849 expected at 1.25 / 0.625 / 10 USD per million.
  it('litellm#14849: 262,960 read, of which 257,955 cached', () => {
    const metadata = {
      promptTokenCount: 262_960,
      cachedContentTokenCount: 257_955,
      candidatesTokenCount: 1744,
      totalTokenCount: 264_704,
    };
    const used = geminiUsage('gemini-2.5-pro', metadata);
    expect(used).toEqual({ input: 262_960, cached: 257_955, output: 1744 });
    expect(reported({ input: 1.25, cached: 0.625, output: 10 }, used)).toBe(184_918_125n);
    // Above 200,000 tokens the whole request costs 2.5 / 0.25 / 15 by the list.
    expect(builtin('google', 'gemini-2.5-pro', used)).toBe(103_161_250n);
  });

  it('litellm#14849: the same in the form of the chat API', () => {
    const details = {
      prompt_tokens_details: { text_tokens: 262_960, cached_tokens: 257_955 },
      completion_tokens_details: { reasoning_tokens: 0 },
    };
    const used = chatUsage('m', { total_tokens: 264_704, prompt_tokens: 262_960, completion_tokens: 1744, ...details });
    expect(reported({ input: 1.25, cached: 0.625, output: 10 }, used)).toBe(184_918_125n);
  });

  // BerriAI/litellm#9812, claude-3-7-sonnet-20250219: 0.091311 USD reported, 0.05439 on the vendor's bill (4.614 + 0.825 cents,
  // and 9 millionths for the three tokens that were not cached).
  it('litellm#9812: 12,304 tokens written to the cache', () => {
    const usage = { input_tokens: 3, cache_creation_input_tokens: 12_304, cache_read_input_tokens: 0, output_tokens: 550 };
    const used = anthropicUsage('claude-3-7-sonnet-20250219', usage);
    expect(used).toMatchObject({ input: 12_307, cache_write_5m: 12_304, output: 550 });
    expect(builtin('anthropic', 'claude-3-7-sonnet-20250219', used)).toBe(54_399_000n);
  });

  // BerriAI/litellm#11364, comment of 2026-01-19, claude-opus-4-5: 0.04708 USD reported. The list price is 5 / 0.5 / 6.25 / 25; the
  // report does not say what would be right.
  it('litellm#11364: 66,360 tokens read from the cache and 32,435 written to it', () => {
    const usage = { input_tokens: 10, cache_read_input_tokens: 66_360, cache_creation_input_tokens: 32_435, output_tokens: 5120 };
    const used = anthropicUsage('claude-opus-4-5-20251101', usage);
    expect(used).toMatchObject({ input: 98_805, cached: 66_360, cache_write_5m: 32_435 });
    expect(builtin('anthropic', 'claude-opus-4-5-20251101', used)).toBe(363_948_750n);
  });

  // BerriAI/litellm#11156, gemini-2.5-flash-preview-04-17: charged as if nothing were cached (0.00226515 USD by its numbers), 0.0006546
  // expected at 0.15 / 0.0375 / 0.6. The numbers are those of the issue as its fix, #12585, tests them.
  it('litellm#11156: implicit caching', () => {
    const metadata = {
      promptTokenCount: 15_033,
      cachedContentTokenCount: 14_316,
      candidatesTokenCount: 17,
      totalTokenCount: 15_050,
    };
    const used = geminiUsage('gemini-2.5-flash', metadata);
    expect(reported({ input: 0.15, cached: 0.0375, output: 0.6 }, used)).toBe(654_600n);
    expect(builtin('google', 'gemini-2.5-flash', used)).toBe(687_080n);
  });

  // maximhq/bifrost#5354 and the capture in its fix, #5355: `message_start` counts the prompt whole, `message_delta` says it again
  // without the cached part. 17,665 tokens reported, 8,849 read. The report has no price; that of claude-sonnet-5 is taken.
  it('bifrost#5354: a stream that says the cached part at its end', () => {
    const delta = {
      input_tokens: 18,
      output_tokens: 426,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 8831,
      cache_creation: { ephemeral_5m_input_tokens: 0 },
    };
    const used = anthropicStream('claude-sonnet-5', { input_tokens: 8834, output_tokens: 0 }, delta);
    expect(used).toMatchObject({ input: 8849, cached: 8831, output: 426 });
    expect(builtin('anthropic', 'claude-sonnet-5', used)).toBe(18n * 2000n + 8831n * 200n + 426n * 10_000n);
  });

  // maximhq/bifrost#5510: 346,362 tokens reported, 173,306 read.
  it('bifrost#5510: the same with a longer prompt', () => {
    const used = anthropicStream(
      'claude-sonnet-5',
      { input_tokens: 173_306, output_tokens: 0 },
      { input_tokens: 250, cache_read_input_tokens: 173_056, output_tokens: 1 },
    );
    expect(used).toMatchObject({ input: 173_306, cached: 173_056 });
  });

  // maximhq/bifrost#3451, claude-opus-4-7 streamed: 1.85984625 USD reported, 1.06376125 on the bill.
  it('bifrost#3451: 159,217 tokens written to the cache by a stream', () => {
    const start = { input_tokens: 6, cache_creation_input_tokens: 159_217, cache_read_input_tokens: 0, output_tokens: 1 };
    const used = anthropicStream('claude-opus-4-7', start, { output_tokens: 2745 });
    expect(builtin('anthropic', 'claude-opus-4-7', used)).toBe(1_063_761_250n);
  });

  // BerriAI/litellm#6215, gpt-4o: the whole prompt was charged at the full rate and the cached part once more.
  it('litellm#6215: 2,006 read, of which 1,920 cached', () => {
    const details = { prompt_tokens_details: { cached_tokens: 1920 }, completion_tokens_details: { reasoning_tokens: 0 } };
    const used = chatUsage('gpt-4o', { prompt_tokens: 2006, completion_tokens: 300, total_tokens: 2306, ...details });
    expect(builtin('openai', 'gpt-4o', used)).toBe(5_615_000n);
  });

  // BerriAI/litellm#15945, gpt-5: 0.0379055 USD, a report of a count that was right.
  it('litellm#15945: 9,126 read, of which 4,864 cached', () => {
    const details = { prompt_tokens_details: { cached_tokens: 4864 } };
    const used = chatUsage('gpt-5', { prompt_tokens: 9126, completion_tokens: 3197, total_tokens: 12_323, ...details });
    expect(builtin('openai', 'gpt-5', used)).toBe(37_905_500n);
  });
});

describe('tokens are charged as what they are', () => {
  // QuantumNous/new-api#2935, gemini-3-flash-preview: what the provider's search read was charged as output (0.0616895 USD by the
  // list, 0.5 / 3 USD per million).
  it('new-api#2935: 18,329 tokens of the provider own tools are read, 1,120 of thought are generated', () => {
    const used = geminiUsage('gemini-3-flash-preview', {
      promptTokenCount: 151,
      candidatesTokenCount: 1089,
      totalTokenCount: 20_689,
      toolUsePromptTokenCount: 18_329,
      thoughtsTokenCount: 1120,
      promptTokensDetails: [{ modality: 'TEXT', tokenCount: 151 }],
      toolUsePromptTokensDetails: [{ modality: 'TEXT', tokenCount: 18_329 }],
    });
    expect(used).toEqual({ input: 18_480, output: 2209, reasoning: 1120 });
    expect(builtin('google', 'gemini-3-flash-preview', used)).toBe(15_867_000n);
  });

  // QuantumNous/new-api#3426: pictures were charged as text. A picture of 1,290 tokens beside 12 of text, at 0.3 / 2.5 / 30 USD per
  // million; the report has no numbers, these are the vendor's example.
  it('new-api#3426: a generated picture has its own price', () => {
    const used = geminiUsage('gemini-2.5-flash-image', {
      promptTokenCount: 10,
      candidatesTokenCount: 1302,
      totalTokenCount: 1312,
      candidatesTokensDetails: [
        { modality: 'TEXT', tokenCount: 12 },
        { modality: 'IMAGE', tokenCount: 1290 },
      ],
    });
    expect(used).toEqual({ input: 10, output: 1302, output_image: 1290 });
    expect(builtin('google', 'gemini-2.5-flash-image', used)).toBe(10n * 300n + 12n * 2500n + 1290n * 30_000n);
  });

  // The kind of BerriAI/litellm#37407: a token that is cached and no text was charged twice. Constructed: 800 of 1,000 tokens are
  // sound, 500 cached, 400 are both; 0.3 / 1 (sound) / 0.03 cached / 0.1 (sound) USD per million.
  it('litellm#37407: cached sound is charged once', () => {
    const used = geminiUsage('gemini-2.5-flash', {
      promptTokenCount: 1000,
      cachedContentTokenCount: 500,
      candidatesTokenCount: 0,
      totalTokenCount: 1000,
      promptTokensDetails: [
        { modality: 'TEXT', tokenCount: 200 },
        { modality: 'AUDIO', tokenCount: 800 },
      ],
      cacheTokensDetails: [
        { modality: 'TEXT', tokenCount: 100 },
        { modality: 'AUDIO', tokenCount: 400 },
      ],
    });
    expect(builtin('google', 'gemini-2.5-flash', used)).toBe(400n * 1000n + 400n * 100n + 100n * 30n + 100n * 300n);
  });

  // The kind of BerriAI/litellm#26800 and #30474: writes for an hour were charged as writes for five minutes. Constructed.
  it('litellm#30474: a cache write for an hour has its own price', () => {
    const used = anthropicUsage('claude-sonnet-4-6', {
      input_tokens: 4,
      cache_creation_input_tokens: 3000,
      cache_read_input_tokens: 0,
      cache_creation: { ephemeral_5m_input_tokens: 1000, ephemeral_1h_input_tokens: 2000 },
      output_tokens: 10,
    } as { output_tokens: number });
    expect(builtin('anthropic', 'claude-sonnet-4-6', used)).toBe(4n * 3000n + 1000n * 3750n + 2000n * 6000n + 10n * 15_000n);
  });

  // 10 USD per thousand searches, as the price data has it.
  it('searches of the provider are charged beside the tokens', () => {
    const used = anthropicUsage('claude-sonnet-5', {
      input_tokens: 100,
      output_tokens: 10,
      server_tool_use: { web_search_requests: 2 },
    } as { output_tokens: number });
    expect(builtin('anthropic', 'claude-sonnet-5', used)).toBe(100n * 2000n + 10n * 10_000n + 20_000_000n);
  });

  // Computed by the data's own package as 1.7100000000000002: in binary floating point.
  it('300,000 tokens of which 100,000 are cached cost 1.71 USD on gpt-5.6-sol, priced whole by its long-context tier', () => {
    const details = { prompt_tokens_details: { cached_tokens: 100_000 } };
    const used = chatUsage('gpt-5.6-sol', { prompt_tokens: 300_000, completion_tokens: 1000, total_tokens: 301_000, ...details });
    expect(builtin('openai', 'gpt-5.6-sol', used)).toBe(1_710_000_000n);
  });
});
