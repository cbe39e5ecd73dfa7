import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { damaged } from './damage.ts';
import type { Dice } from './dice.ts';
import { change, Document } from './documents.ts';

// Request bodies: right ones, ones that are wrong by their values, and ones that are no JSON.

export type Operation = 'chat' | 'embeddings' | 'responses';

const fixtures = join(import.meta.dirname, '../fixtures/openai');
const fixture = (name: string) => JSON.parse(readFileSync(join(fixtures, `${name}.json`), 'utf8')) as object;

const bases: Readonly<Record<Operation, readonly object[]>> = {
  chat: [
    { messages: [{ role: 'user', content: 'Say hello.' }] },
    { messages: [{ role: 'user', content: 'Say hello.' }], stream: true },
    { messages: [{ role: 'user', content: 'Say hello.' }], stream: true, stream_options: { include_usage: true } },
    fixture('request-all-fields'),
    fixture('request-vendor-fields'),
    fixture('request-nulls'),
  ],
  embeddings: [
    { input: 'a text' },
    { input: ['one', 'two'], encoding_format: 'base64', dimensions: 3 },
    { input: [[1, 2], [3]] },
    { input: [1, 2, 3], encoding_format: 'float', user: 'u' },
    { input: 'a text', stream: true },
  ],
  responses: [
    { input: 'a text' },
    { input: [{ role: 'user', content: [{ type: 'input_text', text: 'hi' }] }], stream: true },
    { input: 'x', tools: [{ type: 'web_search' }], max_output_tokens: 5, metadata: { a: 'b' }, store: false },
  ],
};

/** Keys that mean something to some gateway, to JavaScript, or to nobody. */
function names(trap: string): readonly string[] {
  return [
    'model',
    'stream',
    'stream_options',
    'messages',
    'input',
    'n',
    'max_tokens',
    'max_completion_tokens',
    'max_output_tokens',
    'temperature',
    'logit_bias',
    'metadata',
    'gateway',
    'api_base',
    'base_url',
    'api_key',
    'headers',
    'extra_headers',
    'custom_llm_provider',
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    '',
    'x'.repeat(300),
    'k\r\nx-injected: 1',
    trap,
  ];
}

/** Names a caller may send as `model`. The first ones are served. */
function modelName(dice: Dice): unknown {
  const kind = dice.below(100);
  if (kind < 70) return dice.pick(['m', 'm', 'm', 'up/any', 'up/a/b:c', 'pattern-x']);
  if (kind < 90)
    return dice.pick([
      'up/../../admin',
      'up/%2e%2e%2fadmin',
      'up/x?key=1#y',
      'up/a\r\nx-injected: 1',
      'up/\u0000',
      'up/\ud800',
      'up/ü🙂',
      `up/${'x'.repeat(250)}`,
      'up/__proto__',
      'pattern-',
      'pattern-__proto__',
    ]);
  return dice.pick([
    'nobody',
    '__proto__',
    'constructor',
    'toString',
    '/',
    'up/',
    '/up',
    '*',
    'pattern-*',
    '../m',
    'M',
    'x'.repeat(257),
    '',
  ]);
}

/** Body members that other gateways let a caller choose the upstream with. */
function redirections(trap: string): readonly [string, unknown][] {
  return [
    ['api_base', trap],
    ['base_url', trap],
    ['api_key', 'sk-callers-own-key-000000'],
    ['headers', { authorization: 'Bearer callers-own', 'x-injected': '1', host: 'evil.test' }],
    ['extra_headers', { 'x-injected': '1' }],
    ['gateway', { base_url: trap, headers: { 'x-injected': '1' }, provider: 'other' }],
  ];
}

function duplicated(dice: Dice, text: string): string {
  const brace = text.indexOf('{', dice.chance(0.8) ? 0 : dice.below(text.length));
  const member = dice.pick([
    '"model":"m",',
    '"\\u006dodel":"m",',
    '"stream":false,',
    '"messages":[],',
    '"gateway":{},',
    '"a":1,"a":2,',
  ]);
  return text.slice(0, brace + 1) + member + text.slice(brace + 1);
}

/** I5: bytes inside of a text that are no UTF-8; a reader that replaces them would take the body. */
function inOtherBytes(dice: Dice, bytes: Buffer): Buffer {
  const at = bytes.indexOf(dice.pick(['"content":"', '"input":"', '"text":"', '"name":"', '"model":"m']));
  if (at === -1) return bytes;
  const quote = bytes.indexOf('"', bytes.indexOf(':', at)) + 1;
  const wrong = dice.pick(['ff', 'c0af', 'eda080', 'f09f', 'fe', 'e282']);
  return Buffer.concat([bytes.subarray(0, quote), Buffer.from(wrong, 'hex'), bytes.subarray(quote)]);
}

const noObjects: readonly (string | Buffer)[] = [
  '',
  ' ',
  'null',
  '[]',
  '7',
  '"model"',
  'true',
  'NaN',
  '{',
  '{}',
  '{}{}',
  '{"model"',
  'model=m&messages=x',
  '--x\r\ncontent-disposition: form-data; name="model"\r\n\r\nm\r\n--x--',
  '<xml/>',
  "{'model':'m'}",
  '{"model":"m",}',
  Buffer.from('{"model":"m"}', 'utf16le'),
  Buffer.from([0xef, 0xbb, 0xbf]),
  Buffer.from([0x1f, 0x8b, 8, 0]),
  Buffer.from([0xff, 0xfe, 0xfd]),
];

/** One body; `trap` is a URL that nothing may ever call. */
export function makeBody(dice: Dice, operation: Operation, trap: string): Buffer {
  if (dice.chance(0.04)) return Buffer.from(dice.pick(noObjects) as string);
  const document = new Document({ model: modelName(dice), ...dice.pick(bases[operation]) });
  if (dice.chance(0.9)) document.root.model = modelName(dice);
  for (let count = dice.pick([0, 0, 0, 1, 1, 2, 4]); count > 0; count--) change(dice, document, names(trap));
  if (dice.chance(0.15)) {
    const [key, value] = dice.pick(redirections(trap));
    document.root[key] = value;
  }
  let text = document.text();
  if (dice.chance(0.04)) text = duplicated(dice, text);
  const bytes = Buffer.from(text);
  if (dice.chance(0.03)) return inOtherBytes(dice, bytes);
  if (dice.chance(0.03)) return Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), bytes]);
  return dice.chance(0.08) ? damaged(dice, bytes) : bytes;
}
