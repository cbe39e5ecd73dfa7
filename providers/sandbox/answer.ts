import { type Behaviour, type Delivery, longDeltas, sentence } from './models.ts';
import type { OfferedTool, Prompt } from './prompt.ts';
import type { Step } from './reply.ts';
import { valueForSchema } from './schema-value.ts';
import { pieces } from './text.ts';

export interface ToolCall {
  readonly kind: OfferedTool['kind'];
  readonly id: string;
  readonly name: string;
  /** JSON text of a function's arguments, or a custom tool's input; in pieces as they are streamed. */
  readonly arguments: readonly string[];
}

/** What one choice says: text or calls. */
export interface Answer {
  readonly text: readonly string[] | null;
  readonly calls: readonly ToolCall[];
  readonly finish: 'stop' | 'length' | 'tool_calls';
  /** Pieces generated, one token each. */
  readonly tokens: number;
}

function callOf(tool: OfferedTool, id: string): ToolCall {
  const value = tool.kind === 'custom' ? 'text' : JSON.stringify(argumentsOf(tool.parameters));
  return { kind: tool.kind, id, name: tool.name, arguments: pieces(value) };
}

/** Arguments are an object, also where the tool has no parameters. */
function argumentsOf(parameters: unknown): unknown {
  const value = parameters === undefined || parameters === null ? {} : valueForSchema(parameters);
  return typeof value === 'object' && value !== null ? value : {};
}

function textFor(says: 'echo' | 'tools' | 'sentence' | 'long', prompt: Prompt): string {
  if (says === 'sentence') return sentence;
  if (says === 'long') return Array.from({ length: longDeltas }, (_, at) => (at === 0 ? 'w0' : ` w${at}`)).join('');
  if (prompt.output.type === 'schema') return JSON.stringify(valueForSchema(prompt.output.schema));
  const said = says === 'tools' && prompt.toolResult !== null ? prompt.toolResult : prompt.said;
  return prompt.output.type === 'json' ? JSON.stringify({ text: said }) : said;
}

/** Up to the first stop sequence, which is left out. */
function stopped(text: string, stop: readonly string[]): string {
  const ends = stop.map((sequence) => text.indexOf(sequence)).filter((at) => at !== -1);
  return ends.length === 0 ? text : text.slice(0, Math.min(...ends));
}

/** The answer of a model to a prompt; `id` is what call ids are made from. */
export function answerTo(prompt: Prompt, behaviour: Extract<Behaviour, { kind: 'answer' }>, id: string): Answer {
  if (behaviour.says === 'tools' && prompt.toolResult === null && prompt.tools.length > 0) {
    const called = prompt.parallel ? prompt.tools : prompt.tools.slice(0, 1);
    const calls = called.map((tool, at) => callOf(tool, `call_${id.slice(0, 20)}${String(at).padStart(4, '0')}`));
    const tokens = calls.reduce((sum, call) => sum + 1 + call.arguments.length, 0);
    return { text: null, calls, finish: 'tool_calls', tokens };
  }
  const all = pieces(stopped(textFor(behaviour.says, prompt), prompt.stop));
  const text = all.length > prompt.maxTokens ? all.slice(0, prompt.maxTokens) : all;
  return { text, calls: [], finish: text.length < all.length ? 'length' : 'stop', tokens: text.length };
}

/** Content frames of a stream that `cut` lets through. */
const beforeCut = 4;
/** A stall is this long, then the connection breaks: whoever waits has given up long before. */
const stallMs = 3_600_000;

/** Part of an answer on its way: the opening, content, or the closing that makes it whole. */
export interface Frame {
  readonly part: 'opening' | 'content' | 'closing';
  readonly bytes: Buffer;
}

/** Plays a stream's frames the way a model delivers. */
export function* deliverFrames(frames: Iterable<Frame>, { first, each, end }: Delivery): Generator<Step> {
  if (end === 'stall') {
    yield { after: stallMs, cut: true };
    return;
  }
  let seen = 0;
  for (const { part, bytes } of frames) {
    if (part === 'closing' && end === 'no-finish') return;
    if (part === 'content') {
      if (end === 'cut-before-content' || (end === 'cut' && seen === beforeCut)) {
        yield { after: 0, cut: true };
        return;
      }
      yield { after: seen === 0 ? first : each, bytes };
      seen++;
    } else yield { after: 0, bytes };
  }
}

/** Plays a JSON body the way a model delivers; `pieces` deltas would have been streamed. */
export function deliverBody(bytes: Buffer, { first, each, end }: Delivery, deltas: number): readonly Step[] {
  if (end === 'stall') return [{ after: stallMs, cut: true }];
  if (end === 'cut-before-content') return [{ after: 0, cut: true }];
  if (end === 'cut')
    return [
      { after: 0, bytes: bytes.subarray(0, bytes.length >> 1) },
      { after: 0, cut: true },
    ];
  return [{ after: first + each * Math.max(0, deltas - 1), bytes }];
}
