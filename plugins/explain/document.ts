import type { DecisionBody } from '../../schemas/decision.ts';
import { figures } from '../router/decision.ts';
import { formatUsd } from '../usage/usd.ts';
import { recordVersion } from './record.ts';

type List = readonly unknown[];

const list = (value: unknown): List => (Array.isArray(value) ? value : []);
const word = (value: unknown): string => (typeof value === 'string' ? value : '');
const wordOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null);
const number = (value: unknown): number => (typeof value === 'number' ? value : 0);
const numberOrNull = (value: unknown): number | null => (typeof value === 'number' ? value : null);
const words = (value: unknown): string[] => list(value).map(word);

type Choice = DecisionBody['choices'][number];
type Target = Choice['targets'][number];

function target(value: unknown): Target {
  const [id, weight, input, output, excluded, ...noted] = list(value);
  const shown = Object.fromEntries(figures.map((name, at) => [name, numberOrNull(noted[at])])) as Pick<
    Target,
    (typeof figures)[number]
  >;
  const price = input === null ? null : { input: number(input), output: numberOrNull(output) };
  return { target: word(id), weight: number(weight), price, excluded: wordOrNull(excluded), ...shown };
}

function choice(value: unknown): Choice {
  const [at, group, strategy, cause, purpose, reason, chosen, leftOut, targets] = list(value);
  const all = list(targets).map(target);
  return {
    at_ms: number(at),
    group: word(group),
    strategy: word(strategy),
    cause: word(cause),
    purpose: word(purpose),
    chosen: all[number(chosen)]?.target ?? null,
    decided_by: wordOrNull(reason),
    targets: all,
    targets_left_out: number(leftOut),
  };
}

function attempt(value: unknown): DecisionBody['attempts'][number] {
  const [row, id, purpose, key, at, firstByte, firstContent, ended, outcome, reason] = list(value);
  return {
    row: number(row),
    target: word(id),
    purpose: word(purpose),
    key: word(key),
    sent_ms: number(at),
    first_byte_ms: numberOrNull(firstByte),
    first_content_ms: numberOrNull(firstContent),
    ended_ms: numberOrNull(ended),
    outcome: wordOrNull(outcome),
    reason: wordOrNull(reason),
  };
}

function needs(value: unknown): DecisionBody['needs'] {
  if (!Array.isArray(value)) return null;
  const [inputTokens, outputTokens, tools, schema, input, output] = value as List;
  return {
    input_tokens: number(inputTokens),
    output_tokens: number(outputTokens) === 0 ? null : number(outputTokens),
    input: words(input),
    output: words(output),
    tools: tools === 1,
    structured_output: schema === 1,
  };
}

function limit(value: unknown): DecisionBody['limit'] {
  if (!Array.isArray(value)) return null;
  const [rule, scope, measure, period, most, left, asked] = value as List;
  const usd = measure === 'nano_usd';
  const amount = (each: unknown): string => (usd ? formatUsd(number(each)) : String(number(each)));
  return {
    rule: word(rule),
    scope: word(scope),
    unit: usd ? 'usd' : word(measure),
    period: word(period),
    limit: amount(most),
    left: amount(left),
    asked: amount(asked),
  };
}

function parsed(record: string): List | null {
  try {
    const values: unknown = JSON.parse(record);
    return Array.isArray(values) && values[0] === recordVersion ? values : null;
  } catch {
    return null;
  }
}

/** What a record says, with its names. Null for what is none of ours, or of a later version. */
export function render(record: string): DecisionBody | null {
  const values = parsed(record);
  if (values === null) return null;
  const [, exchange, request, at, key, config, operation, stream, model, needed, options, fallback, queued, ...rest] = values;
  const [choices, leftOut, sends, outcome, reason, status, duration, cost, refusedBy] = rest;
  const settled = duration !== null;
  return {
    version: recordVersion,
    exchange: word(exchange),
    request_id: word(request),
    created_at: number(at) / 1000,
    key: wordOrNull(key),
    config_version: word(config),
    operation: word(operation),
    stream: stream === 1,
    model: wordOrNull(model),
    needs: needs(needed),
    options: typeof options === 'object' ? (options as DecisionBody['options']) : null,
    fallback: wordOrNull(fallback),
    queued_ms: number(queued),
    choices: list(choices).map(choice),
    choices_left_out: number(leftOut),
    attempts: list(sends).map(attempt),
    outcome: wordOrNull(outcome),
    reason: wordOrNull(reason),
    status: settled ? numberOrNull(status) : null,
    duration_ms: numberOrNull(duration),
    cost_usd: settled && typeof cost === 'number' ? formatUsd(cost) : null,
    limit: limit(refusedBy),
  };
}
