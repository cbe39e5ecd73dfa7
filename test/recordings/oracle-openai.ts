import {
  count,
  type Expected,
  type ExpectedAnswer,
  type ExpectedChoice,
  type ExpectedUsage,
  emptyChoice,
  type Json,
  object,
  objects,
  present,
  text,
} from './expected.ts';
import { brokenAnswer } from './oracle-failure.ts';

interface Open {
  text: string;
  reasoning: string;
  refusal: string | null;
  finish: string;
  readonly calls: Map<unknown, { name: string; arguments: string; signature: string | null }>;
  readonly images: string[];
  readonly sources: string[];
  readonly signatures: string[];
  readonly tokens: string[];
}

/** What has to become of a recorded chat completion or of its chunks. A [DONE] is no end: every answer says why it ended (S7). */
export function expectedOfChat(documents: readonly Json[]): Expected {
  const answer = gathered(documents);
  return answer.choices.every(({ finish }) => finish !== '') ? answer : brokenAnswer(true);
}

/** The answer that a chat completion or its chunks make. */
export function gathered(documents: readonly Json[]): ExpectedAnswer {
  const choices = new Map<number, Open>();
  let usage: ExpectedUsage | null = null;
  let model: string | null = null;
  for (const document of documents) {
    // Azure opens with a chunk that has neither model nor choice.
    model ||= text(document.model);
    const counted = document.usage ?? object(document.x_groq).usage;
    if (typeof counted === 'object' && counted !== null) usage = usageOf(object(counted));
    for (const each of objects(document.choices)) take(choices, each);
  }
  const list = [...choices]
    .sort(([a], [b]) => a - b)
    .map(([index, choice]) => ({ ...choice, index, calls: [...choice.calls.values()] }));
  return { kind: 'answer', choices: list, usage, model };
}

function take(choices: Map<number, Open>, each: Json): void {
  const index = count(each.index) ?? 0;
  const choice = choices.get(index) ?? opened();
  choices.set(index, choice);
  const said = object(each.delta ?? each.message);
  if (Array.isArray(said.content)) for (const part of objects(said.content)) addPart(choice, part);
  else choice.text += text(said.content) ?? '';
  choice.reasoning += text(said.reasoning_content) ?? text(said.reasoning) ?? '';
  if (typeof said.refusal === 'string') choice.refusal = (choice.refusal ?? '') + said.refusal;
  for (const [position, call] of objects(said.tool_calls).entries()) addCall(choice, call.index ?? position, call);
  if (typeof said.function_call === 'object' && said.function_call !== null) {
    addCall(choice, 'function_call', { function: said.function_call });
  }
  for (const { url_citation: citation } of objects(said.annotations)) choice.sources.push(String(object(citation).url));
  for (const image of objects(said.images)) choice.images.push(String(object(image.image_url).url).replace(/^data:[^,]*,/, ''));
  for (const { token } of objects(object(each.logprobs).content)) choice.tokens.push(String(token));
  const signature = signatureOf(said);
  if (signature !== null) choice.signatures.push(signature);
  if (typeof each.finish_reason === 'string') choice.finish = each.finish_reason;
}

function opened(): Open {
  const { text: words, reasoning, refusal, finish } = emptyChoice;
  return { text: words, reasoning, refusal, finish, calls: new Map(), images: [], sources: [], signatures: [], tokens: [] };
}

/** Mistral's reasoning models write content as parts, thoughts among them. */
function addPart(choice: Open, part: Json): void {
  if (part.type === 'thinking') for (const inner of objects(part.thinking)) choice.reasoning += text(inner.text) ?? '';
  else choice.text += text(part.text) ?? '';
}

function addCall(choice: Open, key: unknown, call: Json): void {
  const called = object(call.function ?? call.custom);
  const signature = signatureOf(call);
  const before = choice.calls.get(key);
  if (before === undefined) {
    const written = text(called.arguments) ?? text(called.input) ?? '';
    choice.calls.set(key, { name: text(called.name) ?? '', arguments: written, signature });
    return;
  }
  before.arguments += text(called.arguments) ?? text(called.input) ?? '';
  before.signature ??= signature;
}

function signatureOf(holder: Json): string | null {
  return text(object(object(holder.extra_content).google).thought_signature);
}

/** Usage of a chat completion; DeepSeek and Mistral name cached tokens in a way of their own too. */
export function usageOf(usage: Json): ExpectedUsage {
  const cached =
    count(object(usage.prompt_tokens_details).cached_tokens) ??
    count(usage.prompt_cache_hit_tokens) ??
    count(usage.num_cached_tokens);
  const reasoning = count(object(usage.completion_tokens_details).reasoning_tokens);
  const members = { cached, reasoning, total: count(usage.total_tokens) };
  return { input: count(usage.prompt_tokens) ?? 0, output: count(usage.completion_tokens) ?? 0, ...present(members) };
}

/** Vectors of an embeddings answer. */
export function expectedOfEmbeddings(document: Json): Expected {
  const usage = object(document.usage);
  const input = count(usage.prompt_tokens);
  return {
    kind: 'vectors',
    vectors: objects(document.data).map((each) => each.embedding as number[] | string),
    usage: input === null ? null : { input, output: 0 },
  };
}

/** A Response object; of its output only what is text. */
export function expectedOfResponse(response: Json): ExpectedAnswer {
  const usage = object(response.usage);
  const input = count(usage.input_tokens);
  const choice: ExpectedChoice = {
    ...emptyChoice,
    text: objects(response.output)
      .flatMap((item) => objects(item.content).map((part) => text(part.text) ?? ''))
      .join(''),
    calls: objects(response.output).flatMap((item) =>
      item.type === 'function_call' ? [{ name: String(item.name), arguments: String(item.arguments), signature: null }] : [],
    ),
    finish: String(response.status ?? ''),
  };
  const members = {
    cached: count(object(usage.input_tokens_details).cached_tokens),
    reasoning: count(object(usage.output_tokens_details).reasoning_tokens),
    total: count(usage.total_tokens),
  };
  const counted = input === null ? null : { input, output: count(usage.output_tokens) ?? 0, ...present(members) };
  return { kind: 'answer', choices: [choice], usage: counted, model: text(response.model) };
}
