import { exampleValue } from '../example-value.ts';
import { wishOf } from '../prompt.ts';
import { type Block, blocksOf, type Message } from './messages.ts';
import { signThinking } from './signatures.ts';
import { countText, type PromptUsage } from './tokens.ts';

/** A whole Message as the API answers it. */
export interface AnswerMessage {
  readonly id: string;
  readonly type: 'message';
  readonly role: 'assistant';
  readonly model: string;
  readonly content: readonly Block[];
  readonly stop_reason: string;
  readonly stop_sequence: string | null;
  readonly usage: Record<string, unknown>;
}

/** The fake's own answer to an accepted request: the same request gets the same answer. `number` makes ids differ. */
export function answerTo(body: Record<string, unknown>, prompt: PromptUsage, number: number): AnswerMessage {
  const messages = body.messages as Message[];
  const thinking = thinkingOf(body);
  const calls = callsFor(body, messages, number);
  const spoken = textFor(body, messages);
  const room = (body.max_tokens as number) - (thinking === null ? 0 : thinkingTokens);
  const fitted = calls.length > 0 ? null : fitText(spoken, room, (body.stop_sequences as string[] | undefined) ?? []);
  const said: Block[] = fitted === null ? calls : fitted.text === '' ? [] : [{ type: 'text', text: fitted.text }];
  const output = countText(fitted === null ? JSON.stringify(calls) : fitted.text) + (thinking === null ? 0 : thinkingTokens);
  return {
    id: `msg_01Fake${String(number).padStart(18, '0')}`,
    type: 'message',
    role: 'assistant',
    model: String(body.model),
    content: [...(thinking === null ? [] : [thinking]), ...said],
    stop_reason: fitted?.reason ?? 'tool_use',
    stop_sequence: fitted?.stop ?? null,
    usage: usageOf(prompt, output, thinking === null ? 0 : thinkingTokens),
  };
}

/** Tokens of every thinking block. */
const thinkingTokens = 16;

function thinkingOf(body: Record<string, unknown>): Block | null {
  const config = body.thinking as { type?: string; display?: string } | undefined;
  if (config?.type !== 'enabled' && config?.type !== 'adaptive') return null;
  const thinking = config.display === 'omitted' ? '' : 'The user wants an answer, so I answer.';
  return { type: 'thinking', thinking, signature: signThinking(thinking) };
}

function callsFor(body: Record<string, unknown>, messages: readonly Message[], number: number): Block[] {
  const choice = (body.tool_choice as { type: string; name?: string; disable_parallel_tool_use?: boolean } | undefined) ?? {
    type: 'auto',
  };
  const tools = ((body.tools as Record<string, unknown>[] | undefined) ?? []).filter((tool) => tool.input_schema !== undefined);
  if (tools.length === 0 || choice.type === 'none') return [];
  const wish = wishOf(promptOf(messages));
  const forced = choice.type === 'any' || choice.type === 'tool';
  if (!forced && stepsDone(messages) >= wish.steps) return [];
  const wanted = tools.find((tool) => tool.name === (choice.name ?? wish.call));
  const count = choice.disable_parallel_tool_use === true ? 1 : wish.parallel;
  return Array.from({ length: count }, (_, index) => {
    const tool = wanted ?? tools[index % tools.length]!;
    return {
      type: 'tool_use',
      id: `toolu_01Fake${String(number * 16 + index).padStart(16, '0')}`,
      name: tool.name,
      input: wish.args ?? exampleValue(tool.input_schema) ?? {},
    };
  });
}

/** The newest text of the user, results of tools aside. */
export function promptOf(messages: readonly Message[]): string {
  for (const message of messages.toReversed()) {
    if (message.role !== 'user') continue;
    const texts = blocksOf(message.content).filter((block) => block.type === 'text');
    if (texts.length > 0) return texts.map((block) => String(block.text)).join('\n');
  }
  return '';
}

function stepsDone(messages: readonly Message[]): number {
  let steps = 0;
  for (const message of messages.toReversed()) {
    const blocks = blocksOf(message.content);
    if (message.role === 'user' && blocks.some((block) => block.type !== 'tool_result')) break;
    if (message.role === 'assistant' && blocks.some((block) => block.type === 'tool_use')) steps += 1;
  }
  return steps;
}

function textFor(body: Record<string, unknown>, messages: readonly Message[]): string {
  const format = (body.output_config as { format?: { schema: unknown } | null } | undefined)?.format;
  if (format != null) return JSON.stringify(exampleValue(format.schema));
  const prompt = promptOf(messages);
  const { say } = wishOf(prompt);
  if (say !== null) return say;
  const results = blocksOf(messages.at(-1)!.content).filter((block) => block.type === 'tool_result');
  if (results.length > 0) return `Results: ${JSON.stringify(results.map((block) => block.content ?? null))}`;
  return `You said: ${prompt}`;
}

function fitText(text: string, room: number, stops: readonly string[]): { text: string; reason: string; stop: string | null } {
  const found = stops.map((stop) => ({ stop, at: text.indexOf(stop) })).filter(({ at }) => at !== -1);
  const first = found.sort((a, b) => a.at - b.at)[0];
  const stopped = first === undefined ? text : text.slice(0, first.at);
  if (countText(stopped) <= room) {
    return { text: stopped, reason: first === undefined ? 'end_turn' : 'stop_sequence', stop: first?.stop ?? null };
  }
  let kept = '';
  for (const point of stopped) {
    if (countText(kept + point) > room) break;
    kept += point;
  }
  return { text: kept, reason: 'max_tokens', stop: null };
}

/** `input_tokens` excludes what was read from the cache and written to it. */
function usageOf(prompt: PromptUsage, output: number, thinking: number): Record<string, unknown> {
  return {
    input_tokens: prompt.input,
    cache_creation_input_tokens: prompt.write5m + prompt.write1h,
    cache_read_input_tokens: prompt.read,
    cache_creation: { ephemeral_5m_input_tokens: prompt.write5m, ephemeral_1h_input_tokens: prompt.write1h },
    output_tokens: output,
    ...(thinking > 0 ? { output_tokens_details: { thinking_tokens: thinking } } : {}),
    service_tier: 'standard',
  };
}
