import type { ChatEvent } from '../../unified.ts';

/**
 * Keeps an answer to one tool call for a client that asked for one at a time (`parallel_tool_calls: false`), which the API cannot be
 * asked for: the first call, the one that is signed, goes through, the model makes the others again once it has its result.
 */
export class OneCall {
  /** By choice: the number of its first call. */
  readonly #first = new Map<number, number>();

  keep(events: readonly ChatEvent[]): ChatEvent[] {
    return events.filter((event) => {
      if (event.type === 'tool_call' && !this.#first.has(event.choice)) this.#first.set(event.choice, event.call);
      return (event.type !== 'tool_call' && event.type !== 'tool_arguments') || this.#first.get(event.choice) === event.call;
    });
  }
}
