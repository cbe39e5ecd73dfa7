import { isDeepStrictEqual } from 'node:util';
import type { ExpectedAnswer, ExpectedChoice, ExpectedFailure, ExpectedUsage, Json } from './expected.ts';
import { object } from './expected.ts';

/** What a client got that is not what it had to get; one line each. */
export function answerDifferences(expected: ExpectedAnswer, got: ExpectedAnswer): string[] {
  const found: string[] = [];
  const same = difference(found);
  same('number of choices', expected.choices.length, got.choices.length);
  if (expected.model !== null) same('model', expected.model, got.model);
  for (const choice of expected.choices) {
    const other = got.choices.find(({ index }) => index === choice.index);
    if (other !== undefined) choiceDifferences(choice, other, same);
  }
  return found;
}

type Same = (what: string, expected: unknown, got: unknown) => void;

function difference(found: string[]): Same {
  return (what, expected, got) => {
    if (!isDeepStrictEqual(expected, got)) found.push(`${what}: expected ${shown(expected)}, got ${shown(got)}`);
  };
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 300 ? `${text.slice(0, 300)}… (${text.length})` : text;
}

function choiceDifferences(expected: ExpectedChoice, got: ExpectedChoice, same: Same): void {
  same('text', expected.text, got.text);
  same('reasoning', expected.reasoning, got.reasoning);
  if (expected.refusal !== null) same('refusal', expected.refusal, got.refusal);
  same('finish_reason', expected.finish, got.finish);
  same(
    'names of the calls',
    expected.calls.map(({ name }) => name),
    got.calls.map(({ name }) => name),
  );
  for (const [at, call] of expected.calls.entries()) {
    same(`arguments of call ${at}`, parsed(call.arguments), parsed(got.calls[at]?.arguments ?? ''));
    same(`signature of call ${at}`, call.signature, got.calls[at]?.signature ?? null);
  }
  same('images', expected.images, got.images);
  same('tokens with probabilities', expected.tokens, got.tokens);
  same(
    'sources that are missing',
    [],
    expected.sources.filter((source) => !got.sources.includes(source)),
  );
  same('signature of the text', expected.signatures.slice(-1), got.signatures);
}

/** JSON text by its value; no arguments at all stand for an empty object. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text === '' ? '{}' : text);
  } catch {
    return text;
  }
}

/** `usage` of a chat completion against the provider's counts. */
export function usageDifferences(expected: ExpectedUsage, usage: Json): string[] {
  const found: string[] = [];
  const same = difference(found);
  const { input, output, cached, reasoning, total } = expected;
  same('prompt_tokens', input, usage.prompt_tokens);
  same('completion_tokens', output, usage.completion_tokens);
  same('total_tokens', total ?? input + output, usage.total_tokens);
  if (cached !== undefined) same('cached_tokens', cached, object(usage.prompt_tokens_details).cached_tokens ?? 0);
  if (reasoning !== undefined) same('reasoning_tokens', reasoning, object(usage.completion_tokens_details).reasoning_tokens ?? 0);
  return found;
}

/** An error, of a reply or in a stream, against what a client has to be told. */
export function failureDifferences(expected: ExpectedFailure, status: number, error: Json): string[] {
  const found: string[] = [];
  const same = difference(found);
  const inStream = status === 200;
  if (!inStream) same('status', expected.status, status);
  same('members of the error', ['code', 'message', 'param', 'type'], Object.keys(error).sort());
  same('error type', expected.type, error.type);
  same('error code', inStream ? 'stream_interrupted' : expected.code, error.code);
  same('error param', expected.param, error.param);
  // The id of the failed request may follow the provider's words.
  if (expected.message !== null && !String(error.message).startsWith(expected.message)) {
    same('error message', expected.message, error.message);
  }
  return found;
}
