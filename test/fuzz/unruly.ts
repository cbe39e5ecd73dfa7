import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { chatBody, chatEvents, errorBody } from '../helper/chat.ts';
import { canary } from '../helper/faults.ts';
import { chatStreams, responsesStreams } from '../helper/streams.ts';
import type { Operation } from './bodies.ts';
import { damaged } from './damage.ts';
import type { Dice } from './dice.ts';
import { change, Document } from './documents.ts';

// Bodies of upstream answers: right ones, and the same with something wrong in them.

/** What the caller asked for. */
export interface Wanted {
  readonly operation: Operation;
  readonly stream: boolean;
  /** Stands in the text of right answers; no two calls have the same. */
  readonly marker: string;
}

export interface Body {
  readonly bytes: Buffer;
  readonly kind: 'json' | 'events' | 'html';
  /** The answer is whole, and in the form the caller asked for. */
  readonly right: boolean;
}

const responses = JSON.parse(readFileSync(join(import.meta.dirname, '../fixtures/openai/responses-api.json'), 'utf8')) as object;

/** Keys that mean something in an answer, to JavaScript, or to nobody. */
const names = [
  'choices',
  'index',
  'usage',
  'error',
  'object',
  'type',
  'delta',
  'message',
  'finish_reason',
  'content',
  'tool_calls',
  'reasoning_content',
  'logprobs',
  'model',
  'id',
  'status',
  'output',
  'response',
  'prompt_tokens',
  'completion_tokens',
  'x_groq',
  '__proto__',
  'constructor',
  'toString',
  '',
];

/** Values that only an answer can have wrong: indexes, counts, names. */
const telling: readonly unknown[] = [
  -1,
  false,
  null,
  1e9,
  128,
  0.5,
  '0',
  '__proto__',
  'error',
  'response.failed',
  'content_filter',
  [[]],
  { error: canary },
];

function rightDocument({ operation, marker }: Wanted): object {
  if (operation === 'embeddings') {
    const data = [0, 1].map((index) => ({ object: 'embedding', index, embedding: [0.5, -1, 0.25] }));
    return { object: 'list', data, model: marker, usage: { prompt_tokens: 4, total_tokens: 4 } };
  }
  if (operation === 'responses') return { ...responses, id: marker };
  return chatBody(`Hello ${marker}`);
}

function rightEvents(dice: Dice, { operation, marker }: Wanted): string[] {
  if (operation === 'chat' && dice.chance(0.5)) return chatEvents({ text: ['Hello ', marker, ' there'] });
  const { bytes } = dice.pick(operation === 'responses' ? responsesStreams : chatStreams);
  return bytes.toString('utf8').split('\n\n').slice(0, -1);
}

function joined(dice: Dice, events: readonly string[]): Buffer {
  const text = events.map((event) => `${event}\n\n`).join('');
  const end = dice.pick(['\n', '\n', '\n', '\r\n', '\r']);
  return Buffer.from(`${dice.chance(0.05) ? '\ufeff' : ''}${end === '\n' ? text : text.replaceAll('\n', end)}`);
}

function changedDocument(dice: Dice, base: object): string {
  const document = new Document(base);
  for (let count = dice.pick([1, 1, 2, 3]); count > 0; count--) {
    change(dice, document, names);
    if (dice.chance(0.3)) retarget(dice, document.root);
  }
  return document.text();
}

/** Gives one telling value to one of the places where it matters. */
function retarget(dice: Dice, root: Record<string, unknown>): void {
  const choice = Array.isArray(root.choices) ? (root.choices[0] as Record<string, unknown> | null) : null;
  if (choice !== null && typeof choice === 'object' && dice.chance(0.5)) {
    choice.finish_reason = structuredClone(dice.pick(telling));
    return;
  }
  const places = [root, root.usage, choice, choice?.delta, choice?.message, root.response].filter(
    (place) => typeof place === 'object' && place !== null,
  ) as Record<string, unknown>[];
  const place = dice.pick(places);
  const keys = Object.keys(place);
  if (keys.length > 0) place[dice.pick(keys)] = structuredClone(dice.pick(telling));
}

/** The payload of one event with wrong values in it. */
function changedEvent(dice: Dice, event: string): string {
  const at = event.indexOf('data: {');
  if (at === -1) return event;
  try {
    return `${event.slice(0, at)}data: ${changedDocument(dice, JSON.parse(event.slice(at + 6)) as object)}`;
  } catch {
    return event;
  }
}

const hostileEvents: readonly string[] = [
  'data: [DONE]',
  'data: [DONE] ',
  'data:[DONE]',
  'data: null',
  'data: 7',
  'data: []',
  'data: {}',
  'data: <junk>',
  'data: {"choices":null}',
  'data: {"choices":{}}',
  'data: {"choices":[null]}',
  'data: {"choices":[{"index":-1,"delta":{"content":"x"}}]}',
  'data: {"choices":[{"index":1e9,"delta":{"content":"x"}}]}',
  'data: {"choices":[{"index":"__proto__","delta":{"content":"x"}}]}',
  'data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":1e9}]}}]}',
  'data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":-1,"function":{"arguments":7}}]}}]}',
  'data: {"choices":[{"index":0,"delta":null,"finish_reason":"error"}]}',
  'data: {"__proto__":{"choices":[]},"constructor":{"prototype":{"polluted":1}}}',
  'data: {"type":"response.completed"}',
  'data: {"type":"response.failed","response":{"error":{"message":"no","code":"server_error"}}}',
  'data: {"object":"error","message":"no","code":503}',
  'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"no"}}',
  `data: ${JSON.stringify(errorBody(canary))}`,
  `event: error\ndata: ${JSON.stringify({ message: canary })}`,
  'data',
  'data:',
  ': comment',
  `: ${'c'.repeat(5_000)}`,
  'event: x',
  'id: 1\nretry: 0',
  'retry: 99999999999',
  'foo: bar',
  'data: {"a":\ndata: 1}',
  `data: {"a":"${'x'.repeat(70_000)}"}`,
];

function rearranged(dice: Dice, events: readonly string[]): string[] {
  const list = [...events];
  for (let count = dice.pick([1, 1, 2]); count > 0; count--) {
    const at = dice.below(list.length);
    const what = dice.below(6);
    if (what === 0) list.splice(at, 1);
    else if (what === 1) list.splice(at, 0, ...Array.from({ length: dice.pick([1, 3, 200]) }, () => list[at] ?? ''));
    else if (what === 2) list.push(...list.splice(at, 1));
    else if (what === 3) list[at] = changedEvent(dice, list[at] ?? '');
    else list.splice(at, 0, dice.pick(hostileEvents));
  }
  return list;
}

const wrongDocuments: readonly string[] = [
  '',
  'null',
  '7',
  '"text"',
  '[]',
  '{}',
  'not json',
  '{"choices":[]}',
  '{"choices":[null]}',
  '{"data":[]}',
  '{"output":null}',
  JSON.stringify(errorBody(canary, 'server_error')),
  JSON.stringify([{ error: { code: 503, message: canary, status: 'UNAVAILABLE' } }]),
  JSON.stringify(errorBody(`Incorrect API key provided: ${canary}`, 'invalid_request_error', 'invalid_api_key')),
  JSON.stringify(errorBody(canary, 'invalid_request_error', 'context_length_exceeded', 'messages')),
  JSON.stringify(errorBody(canary, 'constructor', '__proto__', 'toString')),
  JSON.stringify({ error: canary }),
  JSON.stringify({ detail: [{ loc: ['body', 'model'], msg: canary }] }),
  JSON.stringify({ object: 'error', message: canary, code: 400 }),
  `${'['.repeat(20_000)}${']'.repeat(20_000)}`,
  `{"choices":[{"index":0,"message":${'{"content":'.repeat(9_000)}1${'}'.repeat(9_000)},"finish_reason":"stop"}]}`,
];

const page = `<html><head><title>502 Bad Gateway</title></head><body><h1>${canary}</h1></body></html>`;

/** The body of one answer. */
export function makeAnswerBody(dice: Dice, wanted: Wanted): Body {
  const inEvents = dice.chance(0.85) === wanted.stream;
  const kind = dice.below(100);
  if (kind < 6) return { bytes: Buffer.from(page), kind: 'html', right: false };
  if (kind < 16) return { bytes: Buffer.from(dice.pick(wrongDocuments)), kind: 'json', right: false };
  if (!inEvents) {
    const document = rightDocument(wanted);
    if (kind < 40) return { bytes: Buffer.from(JSON.stringify(document)), kind: 'json', right: !wanted.stream };
    const text = Buffer.from(kind < 75 ? changedDocument(dice, document) : JSON.stringify(document));
    return { bytes: kind < 75 ? text : damaged(dice, text), kind: 'json', right: false };
  }
  const events = rightEvents(dice, wanted);
  if (kind < 36) return { bytes: joined(dice, events), kind: 'events', right: wanted.stream };
  if (kind < 70) return { bytes: joined(dice, rearranged(dice, events)), kind: 'events', right: false };
  return { bytes: damaged(dice, joined(dice, events)), kind: 'events', right: false };
}
