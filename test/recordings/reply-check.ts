import { type Asking, accumulated, type Reply } from './client.ts';
import { answerDifferences, failureDifferences, usageDifferences } from './differences.ts';
import { type ExpectedAnswer, type ExpectedFailure, eventData, object } from './expected.ts';
import { expectedOfResponse } from './oracle-openai.ts';
import { readDocument, readStream } from './seen.ts';
import { bytesDifferences } from './untouched.ts';
import type { UpstreamAnswer } from './upstream-answers.ts';
import { vectorDifferences } from './vectors.ts';

/** What is wrong with a client's reply to a replayed answer, one line each. */
export async function checkReply(answer: UpstreamAnswer, asking: Asking, reply: Reply): Promise<string[]> {
  const { expected } = answer;
  if (reply.headers.has('set-cookie')) return ['a cookie of the provider went through'];
  if (expected.kind === 'failure') return checkFailure(expected, asking, reply);
  if (reply.status !== 200) return [`status ${reply.status}: ${reply.body.toString('utf8', 0, 300)}`];
  if (expected.kind === 'vectors') return vectorDifferences(expected, asking.base64, reply.body, answer.dialect === 'openai');
  const passed = answer.dialect === 'openai' && asking.stream === answer.streamed;
  const found = passed ? bytesDifferences(answer, asking, reply.body) : [];
  if (answer.operation === 'responses') found.push(...responseDifferences(expected, asking.stream, reply.body));
  else found.push(...chatDifferences(answer, expected, asking, reply.body, passed));
  if (asking.stream) found.push(...(await sdkDifferences(answer, expected, reply.body, passed)));
  return found;
}

function checkFailure(expected: ExpectedFailure, asking: Asking, reply: Reply): string[] {
  if (expected.afterContent && asking.stream) {
    if (reply.status !== 200) return [`status ${reply.status} after content`];
    const { error } = readStream(reply.body, 'unknown');
    return error === null ? ['the stream ends as if all were well'] : failureDifferences(expected, 200, error);
  }
  const found = failureDifferences(expected, reply.status, object(object(JSON.parse(reply.body.toString('utf8'))).error));
  if (!/^(?:true|false)$/.test(reply.headers.get('x-should-retry') ?? '')) found.push('no x-should-retry');
  const waits = expected.status === 429 || expected.status === 503;
  if (waits && !/^\d+$/.test(reply.headers.get('retry-after') ?? '')) found.push('no retry-after');
  return found;
}

/** `passed`: the bytes are the provider's own, with whatever it does against the rules. */
function chatDifferences(
  answer: UpstreamAnswer,
  expected: ExpectedAnswer,
  asking: Asking,
  body: Buffer,
  passed: boolean,
): string[] {
  const wanted = !asking.usage ? 'unasked' : expected.usage === null ? 'unknown' : 'once';
  const seen = asking.stream ? readStream(body, wanted) : readDocument(body);
  const found = answer.dialect === 'openai' ? [] : [...seen.problems];
  found.push(...answerDifferences(expected, seen.answer));
  if (expected.usage === null || passed || (asking.stream && !asking.usage)) return found;
  // Of its own dialect a provider's words are kept, also for parts of the sums.
  const { cached: _cached, reasoning: _reasoning, ...sums } = expected.usage;
  found.push(...usageDifferences(answer.dialect === 'openai' ? sums : expected.usage, seen.usage ?? {}));
  return found;
}

function responseDifferences(expected: ExpectedAnswer, stream: boolean, body: Buffer): string[] {
  const text = body.toString('utf8');
  const last = stream ? object(JSON.parse(eventData(text).at(-1)?.data ?? '{}')).response : JSON.parse(text);
  return answerDifferences(expected, expectedOfResponse(object(last)));
}

/**
 * What the official SDK puts together of a stream: text, refusal, calls, finish_reason; it drops members it does not know. Where
 * it cannot read a provider's own bytes (calls without an index, content as parts), neither can it when they have passed.
 */
async function sdkDifferences(
  answer: UpstreamAnswer,
  expected: ExpectedAnswer,
  body: Buffer,
  passed: boolean,
): Promise<string[]> {
  const operation = answer.operation === 'responses' ? 'responses' : 'chat';
  const own = passed ? await recorded(operation, answer) : expected;
  const got = await attempt(operation, body);
  if (typeof own === 'string' || typeof got === 'string') return own === got ? [] : [`SDK: ${JSON.stringify(got).slice(0, 300)}`];
  return answerDifferences(sdkMembers(own), sdkMembers(got)).map((difference) => `SDK: ${difference}`);
}

const sdkAnswers = new WeakMap<UpstreamAnswer, Promise<ExpectedAnswer | string>>();

/** What the SDK makes of the provider's own bytes. */
function recorded(operation: 'chat' | 'responses', answer: UpstreamAnswer): Promise<ExpectedAnswer | string> {
  const known = sdkAnswers.get(answer) ?? attempt(operation, answer.body);
  sdkAnswers.set(answer, known);
  return known;
}

/** The answer, or what the SDK says against it. */
async function attempt(operation: 'chat' | 'responses', body: Buffer): Promise<ExpectedAnswer | string> {
  try {
    return await accumulated(operation, body);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function sdkMembers(answer: ExpectedAnswer): ExpectedAnswer {
  const choices = answer.choices.map((choice) => {
    const calls = choice.calls.map((call) => ({ ...call, signature: null }));
    return { ...choice, calls, reasoning: '', images: [], sources: [], signatures: [], tokens: [] };
  });
  return { ...answer, choices };
}
