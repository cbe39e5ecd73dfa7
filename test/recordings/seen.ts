import { type ExpectedAnswer, eventData, type Json, object, objects } from './expected.ts';
import { gathered } from './oracle-openai.ts';

/** What a client got, read without any SDK. */
export interface Seen {
  readonly answer: ExpectedAnswer;
  /** `usage` as it stood there. */
  readonly usage: Json | null;
  /** Ids of the tool calls by choice. */
  readonly ids: readonly string[];
  /** The error event that ended a stream. */
  readonly error: Json | null;
  /** Rules of the API that the answer breaks. */
  readonly problems: readonly string[];
}

const callId = /^[A-Za-z0-9_-]{1,40}$/;

/** A chat completion as JSON. */
export function readDocument(body: Buffer): Seen {
  const document = object(JSON.parse(body.toString('utf8')));
  const problems: string[] = [];
  const must = (holds: boolean, rule: string) => {
    if (!holds) problems.push(rule);
  };
  must(document.object === 'chat.completion', 'object is chat.completion');
  must(isHead(document), 'id, created and model are there');
  const choices = objects(document.choices);
  must(choices.length > 0, 'there are choices');
  const ids = choices.flatMap((choice) => objects(object(choice.message).tool_calls).map(({ id }) => String(id)));
  for (const choice of choices) {
    const message = object(choice.message);
    must(message.role === 'assistant', 'the role is assistant');
    must(
      'content' in message && (message.content === null || typeof message.content === 'string'),
      'content is there: text or null',
    );
    must('refusal' in message, 'refusal is there');
    must('logprobs' in choice, 'logprobs is there');
    must(typeof choice.finish_reason === 'string', 'finish_reason is there');
    for (const call of objects(message.tool_calls)) must(isWholeCall(call), 'a call has type, name and arguments');
  }
  checkIds(ids, must);
  return { answer: gathered([document]), usage: usageOf(document), ids, error: null, problems };
}

/** What the chunks of a stream have to say of usage: nothing unasked, and only what was counted. */
export type UsageWanted = 'once' | 'unknown' | 'unasked';

/** A chat stream. */
export function readStream(body: Buffer, wanted: UsageWanted): Seen {
  const problems: string[] = [];
  const must = (holds: boolean, rule: string) => {
    if (!holds && !problems.includes(rule)) problems.push(rule);
  };
  const text = body.toString('utf8');
  must(text === '' || text.endsWith('\n\n'), 'the last event is whole');
  must(!text.includes('\ufffd'), 'no character was cut');
  const events = eventData(text).map(({ data }) => data);
  const error = errorAtEnd(events);
  must(events.filter((data) => data === '[DONE]').length === (error === null ? 1 : 0), '[DONE] once where all went well');
  must(error !== null || events.at(-1) === '[DONE]', 'nothing comes after [DONE]');
  const chunks = events.filter((data) => data !== '[DONE]').map((data) => object(JSON.parse(data)));
  if (error !== null) chunks.pop();
  must(
    chunks.every((chunk) => chunk.object === 'chat.completion.chunk' && isHead(chunk)),
    'every chunk has id, created, model',
  );
  for (const member of ['id', 'created', 'model'])
    must(new Set(chunks.map((chunk) => chunk[member])).size <= 1, `one ${member} in a stream`);
  const counted = chunks.filter((chunk) => typeof chunk.usage === 'object' && chunk.usage !== null);
  if (wanted === 'once' && error === null) {
    must(counted.length === 1 && counted[0] === chunks.at(-1), 'usage once, in the last chunk');
    must(objects(counted[0]?.choices).length === 0, 'the usage chunk has no choice');
  }
  if (wanted === 'unasked') must(!chunks.some((chunk) => 'usage' in chunk), 'no usage unasked');
  else
    must(
      chunks.every((chunk) => 'usage' in chunk),
      'every chunk has a usage member',
    );
  const ids = [...checkChoices(chunks, error === null, must)];
  checkIds(ids, must);
  return { answer: gathered(chunks), usage: object(counted.at(-1)?.usage), ids, error, problems };
}

function checkChoices(chunks: readonly Json[], whole: boolean, must: (holds: boolean, rule: string) => void): string[] {
  const ids: string[] = [];
  const choices = new Map<unknown, { calls: number; ended: boolean }>();
  for (const choice of chunks.flatMap((chunk) => objects(chunk.choices))) {
    const delta = object(choice.delta);
    const state = choices.get(choice.index) ?? { calls: 0, ended: false };
    must(!state.ended, 'nothing comes after a finish_reason');
    must(choices.has(choice.index) !== 'role' in delta, 'role in the first delta and in no other');
    must('finish_reason' in choice && 'logprobs' in choice, 'finish_reason and logprobs are there');
    choices.set(choice.index, state);
    for (const call of objects(delta.tool_calls)) {
      const first = call.index === state.calls;
      must(first || (typeof call.index === 'number' && call.index < state.calls), 'calls are numbered 0..n');
      must(
        first ? isWholeCall(call) : !('id' in call) && !('name' in object(call.function)),
        'id, type and name in the first fragment only',
      );
      if (first) {
        state.calls++;
        ids.push(String(call.id));
      }
    }
    state.ended = typeof choice.finish_reason === 'string';
  }
  must(!whole || [...choices.values()].every(({ ended }) => ended), 'every choice ends with a finish_reason');
  return ids;
}

function errorAtEnd(events: readonly string[]): Json | null {
  const last = events.at(-1);
  if (last === undefined || last === '[DONE]') return null;
  const { error } = object(JSON.parse(last));
  return typeof error === 'object' && error !== null ? object(error) : null;
}

function isHead(document: Json): boolean {
  const { id, created, model } = document;
  return (
    typeof id === 'string' &&
    id !== '' &&
    Number.isSafeInteger(created) &&
    Number(created) > 0 &&
    typeof model === 'string' &&
    model !== ''
  );
}

function isWholeCall(call: Json): boolean {
  const called = object(call.function);
  return (
    call.type === 'function' && typeof called.name === 'string' && called.name !== '' && typeof called.arguments === 'string'
  );
}

function checkIds(ids: readonly string[], must: (holds: boolean, rule: string) => void): void {
  must(new Set(ids).size === ids.length, 'ids of calls are unique');
  must(
    ids.every((id) => callId.test(id)),
    'ids of calls are at most 40 of [A-Za-z0-9_-]',
  );
}

function usageOf(document: Json): Json | null {
  return typeof document.usage === 'object' && document.usage !== null ? object(document.usage) : null;
}
