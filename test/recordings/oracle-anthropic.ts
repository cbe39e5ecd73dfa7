import {
  count,
  type Expected,
  type ExpectedCall,
  type ExpectedUsage,
  emptyChoice,
  type Json,
  object,
  objects,
  present,
  text,
} from './expected.ts';
import { brokenAnswer } from './oracle-failure.ts';

/** A content block being put together. */
interface Block {
  readonly start: Json;
  text: string;
  input: string;
  readonly citations: Json[];
}

const finishOfReason: Readonly<Record<string, string>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  pause_turn: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool_calls',
  refusal: 'content_filter',
};

/** The answer that a whole message is. */
export function expectedOfMessage(message: Json): Expected {
  return build(message, objects(message.content).map(blockOf), object(message.usage), message);
}

/** The answer that the events of one stream make. */
export function expectedOfEvents(events: readonly Json[]): Expected {
  let message: Json | null = null;
  let usage: Json = {};
  let end: Json = {};
  let blocks: Block[] = [];
  const byIndex = new Map<unknown, Block>();
  for (const event of events) {
    const delta = object(event.delta);
    const block = byIndex.get(event.index);
    switch (event.type) {
      case 'message_start': {
        const next = object(event.message);
        // A second answer inside the first: what a proxy that tries again makes of a broken connection.
        if (message !== null && message.id !== next.id) return brokenAnswer(blocks.length > 0);
        message = next;
        blocks = objects(next.content).map(blockOf);
        usage = object(next.usage);
        if (next.stop_reason !== null) end = next;
        break;
      }
      case 'content_block_start': {
        const opened = blockOf(object(event.content_block));
        byIndex.set(event.index, opened);
        blocks.push(opened);
        break;
      }
      case 'content_block_delta':
        block!.text += text(delta.text) ?? text(delta.thinking) ?? '';
        block!.input += text(delta.partial_json) ?? '';
        if (delta.citation !== undefined) block!.citations.push(object(delta.citation));
        break;
      case 'message_delta':
        end = { ...end, ...delta };
        usage = { ...usage, ...present(object(event.usage)) };
    }
  }
  return build(message!, blocks, usage, end);
}

function blockOf(start: Json): Block {
  return { start, text: text(start.text) ?? text(start.thinking) ?? '', input: '', citations: [...objects(start.citations)] };
}

function build(message: Json, blocks: readonly Block[], usage: Json, end: Json): Expected {
  const of = (type: string) => blocks.filter(({ start }) => start.type === type);
  const joined = (type: string) =>
    of(type)
      .map((block) => block.text)
      .join('');
  const calls = of('tool_use').map(
    ({ start, input }): ExpectedCall => ({
      name: String(start.name),
      arguments: input === '' ? JSON.stringify(start.input ?? {}) : input,
      signature: null,
    }),
  );
  const finish = finishOfReason[String(end.stop_reason)] ?? `unknown: ${String(end.stop_reason)}`;
  const choice = {
    ...emptyChoice,
    text: joined('text'),
    reasoning: joined('thinking'),
    refusal: text(object(end.stop_details).explanation),
    calls,
    finish: finish === 'stop' && calls.length > 0 ? 'tool_calls' : finish,
    sources: of('text').flatMap(({ citations }) => citations.flatMap(({ url }) => text(url) ?? [])),
  };
  return { kind: 'answer', choices: [choice], usage: usageOf(usage), model: text(message.model) };
}

/**
 * `input_tokens` is what was neither read from a cache nor written to one. What a summary of the history cost (iterations of
 * type `compaction`) is not in the sums at the top (vendor's page on compaction: add up the iterations).
 */
function usageOf(usage: Json): ExpectedUsage {
  const rounds = [usage, ...objects(usage.iterations).filter(({ type }) => type === 'compaction')];
  const sum = (read: (round: Json) => number | null) => rounds.reduce((all, round) => all + (read(round) ?? 0), 0);
  const fresh = sum((round) => count(round.input_tokens));
  const read = sum((round) => count(round.cache_read_input_tokens));
  const written = sum((round) => count(round.cache_creation_input_tokens));
  const hour = sum((round) => count(object(round.cache_creation).ephemeral_1h_input_tokens));
  return {
    input: fresh + read + written,
    output: sum((round) => count(round.output_tokens)),
    cached: read,
    cache_write_5m: written - hour,
    cache_write_1h: hour,
    ...present({ reasoning: count(object(usage.output_tokens_details).thinking_tokens) }),
  };
}
