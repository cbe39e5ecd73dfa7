import { expect, test } from 'vitest';
import { decodeCursor, encodeCursor, paginate, parseLimit } from '../../../plugins/admin/cursor.ts';
import { ValidationError } from '../../../plugins/errors/index.ts';

const items = (count: number) => Array.from({ length: count }, (_, at) => ({ id: `m${String(at).padStart(3, '0')}` }));
const idOf = (item: { id: string }) => item.id;

test.each(['m1', '', 'openai/gpt "5"', 'ünïcode/✓'])('a cursor carries the id %j there and back', (id) => {
  expect(decodeCursor(encodeCursor(id))).toBe(id);
});

test.each([
  '',
  'garbage',
  '!!!!',
  Buffer.from('{}').toString('base64url'),
  Buffer.from('["v1"]').toString('base64url'),
  Buffer.from('["v2","a"]').toString('base64url'),
  Buffer.from('["v1",1]').toString('base64url'),
  `${encodeCursor('a')}=`,
  ` ${encodeCursor('a')}`,
  `${encodeCursor('a')}!`,
])('%j is refused as a cursor', (text) => {
  expect(() => decodeCursor(text)).toThrow(ValidationError);
  expect(() => decodeCursor(text)).toThrow(expect.objectContaining({ status: 400, param: 'cursor' }));
});

test.each([
  [undefined, 50],
  ['1', 1],
  ['200', 200],
])('limit %s is %d', (text, limit) => {
  expect(parseLimit(text)).toBe(limit);
});

test.each(['0', '201', '-1', '1.5', 'ten', '', '99999999999'])('limit %j is refused', (text) => {
  expect(() => parseLimit(text)).toThrow(expect.objectContaining({ status: 400, param: 'limit' }));
});

test('pages together hold every item once, in the order of their ids', () => {
  const shuffled = items(23).reverse();
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = paginate(shuffled, { limit: '5', ...(cursor === undefined ? {} : { cursor }) }, idOf);
    seen.push(...page.data.map(idOf));
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
  expect(seen).toEqual(items(23).map(idOf));
});

test('a page that holds the last item has no next_cursor', () => {
  expect(paginate(items(5), { limit: '5' }, idOf).next_cursor).toBeNull();
});

test('a cursor whose item is gone goes on behind its place', () => {
  const { next_cursor } = paginate(items(6), { limit: '3' }, idOf);
  const left = items(6).filter((item) => item.id !== 'm002');
  expect(paginate(left, { cursor: next_cursor! }, idOf).data.map(idOf)).toEqual(['m003', 'm004', 'm005']);
});
