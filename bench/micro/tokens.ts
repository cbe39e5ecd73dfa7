import { readFileSync } from 'node:fs';
import { readBody } from '../../plugins/body.ts';
import { outputBound, prepareReservations, reserveInput } from '../../plugins/usage/reserve.ts';
import { tokenizerOf } from '../../plugins/usage/tokenizer.ts';
import type { Call } from '../../providers/provider.ts';
import type { Case } from './harness.ts';

// What it costs to know how many tokens a call holds on budgets.

await prepareReservations();

const english = 'The gateway asks its limits before anything is sent, and holds on each budget what the call may cost at most. ';
const base64 = Buffer.from(Array.from({ length: 3000 }, (_, at) => (at * at * 31 + at * 17) % 256)).toString('base64');
const text = (piece: string, bytes: number): string => piece.repeat(Math.ceil(bytes / Buffer.byteLength(piece)));
const firstBytes = (of: string, bytes: number): string => Buffer.from(of).subarray(0, bytes).toString();

const kinds: readonly (readonly [name: string, text: string])[] = [
  ['English', text(english, 1000)],
  ['code', firstBytes(readFileSync(new URL(import.meta.url), 'utf8'), 1000)],
  ['JSON', firstBytes(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'), 1000)],
  ['Chinese', text('机器学习是人工智能的一个分支，它使计算机能够从数据中学习。', 1000)],
  ['spaces', text(' ', 1000)],
  ['one letter', text('a', 1000)],
  ['emoji', text('😀', 1000)],
  ['base64', firstBytes(base64, 1000)],
];

function callOf(json: unknown): Call {
  const body = readBody(Buffer.from(JSON.stringify(json)));
  return {
    operation: 'chat',
    dialect: 'openai',
    body,
    stream: false,
    streamUsage: false,
    dropped: new Set(),
    requireParameters: false,
    kept: new Map(),
  };
}

function counting(name: string, piece: string): Case {
  const tokenizer = tokenizerOf('o200k_base')!;
  return {
    name: `tokens of 1 kB, ${name}`,
    run(times) {
      let tokens = 0;
      for (let at = 0; at < times; at++) tokens += tokenizer.count(piece);
      return tokens;
    },
  };
}

function reserving(name: string, call: Call, models: readonly string[]): Case {
  return {
    name,
    run(times) {
      let tokens = 0;
      for (let at = 0; at < times; at++) tokens += reserveInput(call, models) + outputBound(call, undefined, 4096);
      return tokens;
    },
  };
}

/** Texts that differ from call to call. */
function reservingNew(name: string, bytes: number): Case {
  const calls = Array.from({ length: 10_000 }, (_, at) => saying(`${at} ${text(english, bytes)}`));
  let next = 0;
  return {
    name,
    run(times) {
      let tokens = 0;
      for (let at = 0; at < times; at++) {
        next = (next + 1) % calls.length;
        tokens += reserveInput(calls[next]!, ['gpt-4o']);
      }
      return tokens;
    },
  };
}

const saying = (content: string): Call => callOf({ model: 'm', messages: [{ role: 'user', content }] });

export const tokenCases: readonly Case[] = [
  ...kinds.map(([name, piece]) => counting(name, piece)),
  reserving('reservation, 40 B', saying('What is the capital of France, by the way?'), ['gpt-4o']),
  reserving('reservation, 1 kB of English, seen before', saying(text(english, 1000)), ['gpt-4o']),
  reservingNew('reservation, 1 kB of English, new', 1000),
  reserving('reservation, 1 kB of English, three families, seen before', saying(text(english, 1000)), [
    'gpt-4o',
    'claude-sonnet-4-5',
    'gemini-3-flash',
  ]),
  reserving('reservation, 20 kB of English, seen before', saying(text(english, 20_000)), ['gpt-4o']),
  ...kinds.map(([name, piece]) => reserving(`reservation, 1 MB, ${name}`, saying(text(piece, 1_000_000)), ['gpt-4o'])),
];
