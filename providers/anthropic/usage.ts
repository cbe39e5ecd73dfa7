import type { Quantities } from '../unified.ts';
import { isObject, type JsonObject } from '../wire/json.ts';
import { QuantityReader, quantityOf } from '../wire/quantities.ts';

/** Counters that are said again, whole, by later events. */
const COUNTERS = ['input_tokens', 'cache_read_input_tokens', 'cache_creation_input_tokens', 'output_tokens'] as const;
type Counter = (typeof COUNTERS)[number];
const FIVE_MINUTES = 'ephemeral_5m_input_tokens';
const ONE_HOUR = 'ephemeral_1h_input_tokens';

/** Most rounds of one answer that are looked at. */
const MAX_ITERATIONS = 1000;

/**
 * Reads `usage` of an answer, or of the events of a stream, where `message_start` has what was read and `message_delta` the
 * cumulative rest; what a later one says again replaces what was said.
 *
 * `input_tokens` is without the cache: everything read is input + cache reads + cache writes (SDK 1.12, `Usage`). Tokens of a
 * compaction are said in `iterations` only and billed beside the totals (`BetaCompactionIterationUsage`; recorded:
 * 181 + 8 in the totals, 100 + 55,096 cached + 83 beside them). Those of an advisor are another model's and have a kind of
 * their own, so that they are not priced as this one's.
 */
export class UsageReader {
  readonly #counters = new Map<Counter, number>();
  #fiveMinutes = 0;
  #oneHour = 0;
  #thinking: number | null = null;
  #iterations: readonly unknown[] = [];
  #searches = 0;
  #seen = false;

  take(usage: unknown): void {
    if (!isObject(usage)) return;
    for (const counter of COUNTERS) {
      const value = quantityOf(usage[counter]);
      if (value === null) continue;
      this.#counters.set(counter, value);
      this.#seen = true;
    }
    if (isObject(usage.cache_creation)) {
      this.#fiveMinutes = quantityOf(usage.cache_creation[FIVE_MINUTES]) ?? 0;
      this.#oneHour = quantityOf(usage.cache_creation[ONE_HOUR]) ?? 0;
    }
    const { output_tokens_details: details, server_tool_use: server } = usage;
    if (isObject(details)) this.#thinking = quantityOf(details.thinking_tokens) ?? this.#thinking;
    if (isObject(server)) this.#searches = quantityOf(server.web_search_requests) ?? this.#searches;
    if (Array.isArray(usage.iterations)) this.#iterations = usage.iterations.slice(0, MAX_ITERATIONS);
  }

  /** What was read, as the beginning of a stream says it: what is generated is not known there. Null when it says nothing. */
  begun(): Quantities | null {
    const { output: _output, reasoning: _reasoning, ...read } = this.quantities() ?? {};
    return this.#seen ? read : null;
  }

  /** Null when there was none. */
  quantities(): Quantities | null {
    if (!this.#seen) return null;
    const counted = (counter: Counter): number => this.#counters.get(counter) ?? 0;
    const written = counted('cache_creation_input_tokens');
    const sum: Sum = {
      input: counted('input_tokens'),
      cached: counted('cache_read_input_tokens'),
      fiveMinutes: 0,
      oneHour: 0,
      output: counted('output_tokens'),
    };
    // The total may have been said again since the parts were.
    sum.oneHour = Math.min(this.#oneHour, written === 0 ? this.#oneHour : written);
    sum.fiveMinutes = written === 0 ? this.#fiveMinutes : written - sum.oneHour;
    if (written === 0 && this.#counters.has('cache_creation_input_tokens')) sum.fiveMinutes = sum.oneHour = 0;
    let advised = 0;
    for (const iteration of this.#iterations) {
      if (!isObject(iteration)) continue;
      if (iteration.type === 'compaction') add(sum, iteration);
      else if (iteration.type === 'advisor_message') advised += tokensOf(iteration);
    }
    const reader = new QuantityReader()
      .take('input', sum.input + sum.cached + sum.fiveMinutes + sum.oneHour)
      .take('output', sum.output);
    if (sum.cached > 0 || this.#counters.has('cache_read_input_tokens')) reader.take('cached', sum.cached);
    if (sum.fiveMinutes > 0) reader.take('cache_write_5m', sum.fiveMinutes);
    if (sum.oneHour > 0) reader.take('cache_write_1h', sum.oneHour);
    if (this.#thinking !== null) reader.take('reasoning', Math.min(this.#thinking, sum.output));
    if (this.#searches > 0) reader.take('web_search', this.#searches);
    if (advised > 0) reader.take('advisor', advised);
    return reader.done();
  }
}

interface Sum {
  input: number;
  cached: number;
  fiveMinutes: number;
  oneHour: number;
  output: number;
}

function add(sum: Sum, iteration: JsonObject): void {
  const written = quantityOf(iteration.cache_creation_input_tokens) ?? 0;
  const creation = isObject(iteration.cache_creation) ? iteration.cache_creation : {};
  const oneHour = Math.min(quantityOf(creation[ONE_HOUR]) ?? 0, written);
  sum.input += quantityOf(iteration.input_tokens) ?? 0;
  sum.cached += quantityOf(iteration.cache_read_input_tokens) ?? 0;
  sum.oneHour += oneHour;
  sum.fiveMinutes += written - oneHour;
  sum.output += quantityOf(iteration.output_tokens) ?? 0;
}

function tokensOf(iteration: JsonObject): number {
  return COUNTERS.reduce((total, counter) => total + (quantityOf(iteration[counter]) ?? 0), 0);
}
