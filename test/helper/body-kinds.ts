// Request bodies of 32 MiB and less: of every kind the one that a reader takes longest for, and the largest that callers really
// send. `m` is the model.

/** `server.body_limit` by default. */
const limit = 32 * 1024 * 1024;

export interface BodyKind {
  readonly name: string;
  readonly path: '/v1/chat/completions' | '/v1/embeddings';
  /** Built when it is asked for: all of them together are a gigabyte. */
  readonly bytes: () => Buffer;
}

const head = '{"model":"m","messages":[{"role":"user","content":';
const chat = (name: string, text: () => string): BodyKind => ({
  name,
  path: '/v1/chat/completions',
  bytes: () => Buffer.from(text()),
});
const embeddings = (name: string, input: () => string): BodyKind => ({
  name,
  path: '/v1/embeddings',
  bytes: () => Buffer.from(`{"model":"m","input":${input()}}`),
});
const content = (value: string): string => `${head}${value}}]}`;
/** As a field that only the provider knows. */
const beside = (value: string): string => `${head}"x"}],"extra":${value}}`;
const list = (count: number, item: (at: number) => string): string =>
  `[${Array.from({ length: count }, (_, at) => item(at)).join(',')}]`;
const object = (count: number, key: (at: number) => string): string =>
  `{${Array.from({ length: count }, (_, at) => `"${key(at)}":1`).join(',')}}`;
/** As often as it fits into so many bytes, the body around it left out of account. */
const filled = (piece: string, bytes = limit - 200): string => piece.repeat(Math.floor(bytes / Buffer.byteLength(piece)));
const parts = (count: number, text: string): string => list(count, () => `{"type":"text","text":"${text}"}`);

const eightMiB = 8 * 1024 * 1024 - 2;
const short = 65_500;

/** Answered or refused: either way the others must not wait. */
export const hostileBodies: readonly BodyKind[] = [
  chat('one string', () => content(`"${filled('a')}"`)),
  chat('one string of \\"', () => content(`"${filled('\\"')}"`)),
  chat('one string of \\u0041', () => content(`"${filled('\\u0041')}"`)),
  chat('one string of ideographs', () => content(`"${filled('\u4e2d')}"`)),
  chat('three outer strings of \\"', () =>
    beside(`"${filled('\\"', eightMiB)}","b":"${filled('\\"', eightMiB)}","c":"${filled('\\"', eightMiB)}"`),
  ),
  chat('an outer string of \\u4e2d', () => beside(`"${filled('\\u4e2d', eightMiB)}"`)),
  chat('500 strings of 64 kB', () => content(parts(500, filled('a', short)))),
  chat('500 strings of 64 kB of \\"', () => content(parts(500, filled('\\"', short)))),
  chat('500 strings of 64 kB of ideographs', () => content(parts(500, filled('\u4e2d', short)))),
  chat('8 million ""', () => content(list(8_000_000, () => '""'))),
  chat('99,000 ""', () => beside(list(99_000, () => '""'))),
  chat('8 million {}', () => beside(list(8_000_000, () => '{}'))),
  chat('99,000 {}', () => beside(list(99_000, () => '{}'))),
  chat('32 million [', () => beside(filled('['))),
  chat('780 × 125 levels', () => beside(list(780, () => `${'['.repeat(125)}${']'.repeat(125)}`))),
  chat('49,000 unique keys', () => beside(object(49_000, (at) => `k${at}`))),
  chat('49,000 unique keys of 640 bytes', () => beside(object(49_000, (at) => `${'k'.repeat(635)}${at}`))),
  chat('49,000 keys with escapes', () => beside(object(49_000, (at) => `\\u006b${at}`))),
  chat('49,000 unique fields', () => `${beside('1').slice(0, -1)},${object(49_000, (at) => `k${at}`).slice(1)}`),
  chat('49,000 integer-like keys', () => beside(object(49_000, (at) => `${4_294_967_294 - at * 80_001}`))),
  chat('those, and __proto__', () => beside(`[{"__proto__":1},${object(48_000, (at) => `${at * 87_000}`)}]`)),
  chat('24,000 objects, each with its own key', () => beside(list(24_000, (at) => `{"k${at}":"v${at}"}`))),
  chat('20,000 of them and 500,000 escapes', () =>
    beside(`[${list(20_000, (at) => `{"k${at}":"v${at}"}`)},${list(20, () => `"${'\\"'.repeat(25_000)}"`)}]`),
  ),
  chat('95,000 short strings', () => beside(list(95_000, (at) => `"s${at}"`))),
  chat('95,000 strings of 340 bytes of \\"', () => beside(list(95_000, () => `"${'\\"'.repeat(170)}"`))),
  chat(
    '14,000 messages of 2 kB',
    () => `{"model":"m","messages":${list(14_000, () => `{"role":"user","content":"${'x'.repeat(2_300)}"}`)}}`,
  ),
  chat('399,000 numbers of 75 digits', () =>
    beside(list(399_000, (at) => `0.${String(at).padStart(7, '0')}${'1234567890'.repeat(7)}`)),
  ),
  chat('399,000 numbers of 24 digits', () => beside(list(399_000, (at) => `${at}.2345678901234567e-30${at % 8}`))),
  chat('one number', () => beside(filled('1'))),
  chat('nothing but spaces', () => `{"model":"m",${filled(' ')}"messages":[{"role":"user","content":"x"}]}`),
  chat('no JSON', () => `{"model":"m",${filled('x')}}`),
];

const word = 'posterns are small gates ';
/** 128 tools of 30 fields. */
const tools = list(128, (tool) => {
  const fields = Array.from({ length: 30 }, (_, at) => `"f${at}":{"type":"string","description":"${word}${at}"}`);
  return `{"type":"function","function":{"name":"t${tool}","parameters":{"type":"object","properties":{${fields.join(',')}}}}}`;
});
/** 5 MB: more than 1,000,000 tokens, and a call in every fourth turn. */
const conversation = (turns: number): string =>
  list(turns, (at) =>
    at % 4 === 3
      ? `{"role":"assistant","content":null,"tool_calls":[{"id":"c${at}","type":"function","function":{"name":"t1","arguments":"{\\"f1\\":\\"${word}\\"}"}}]}`
      : `{"role":"user","content":"${`${word}\\n`.repeat(60)}"}`,
  );

/** All of these are answered. */
export const largeBodies: readonly BodyKind[] = [
  chat('a conversation of 200,000 tokens, 128 tools', () => `{"model":"m","tools":${tools},"messages":${conversation(700)}}`),
  chat('a conversation of 1,000,000 tokens, 128 tools', () => `{"model":"m","tools":${tools},"messages":${conversation(3_400)}}`),
  chat('three images of 10 MB', () =>
    content(list(3, () => `{"type":"image_url","image_url":{"url":"data:image/png;base64,${filled('iVBORw0K', 10_000_000)}"}}`)),
  ),
  chat('7 MiB of text', () => content(`"${filled(word, 7 * 1024 * 1024)}"`)),
  embeddings('2,048 texts of 2 kB', () => list(2_048, () => `"${filled(word, 2_000)}"`)),
  embeddings('2,048 texts of 3.9 kB', () => list(2_048, () => `"${filled(word, 3_900)}"`)),
  embeddings('2,048 lists of 146 token ids', () => list(2_048, () => list(146, (at) => String(at * 300)))),
  embeddings('299,000 token ids', () => `[${list(299_000, (at) => String(at % 50_000))}]`),
];
