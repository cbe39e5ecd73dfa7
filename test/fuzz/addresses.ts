import type { Operation } from './bodies.ts';
import type { Dice } from './dice.ts';

// Request targets: known ones, near ones, and those that two readers could understand differently.

const inference: readonly [path: string, operation: Operation][] = [
  ['/v1/chat/completions', 'chat'],
  ['/chat/completions', 'chat'],
  ['/v1/embeddings', 'embeddings'],
  ['/embeddings', 'embeddings'],
  ['/v1/responses', 'responses'],
  ['/responses', 'responses'],
];

const reading: readonly string[] = ['/v1/models', '/models', '/v1/models/m', '/v1/models/up%2Fany', '/livez', '/readyz', '/'];

const operators: readonly string[] = [
  '/',
  '/livez',
  '/readyz',
  '/health',
  '/health/providers',
  '/metrics',
  '/docs',
  '/openapi.json',
  '/admin/v1/config',
  '/admin/v1/models',
  '/admin/v1/models?limit=1',
  '/admin/v1/models?limit=0&cursor=x',
  '/admin/v1/models?cursor=WyJ2MSIsIm0iXQ',
  '/admin/v1/models?limit=1&limit=2',
  '/admin/v1/models?__proto__[a]=1&constructor=2',
  '/admin',
  '/admin/',
  '/admin/v1/nothing',
];

const near: readonly string[] = [
  '/v1',
  '/v1/',
  '/v1/chat',
  '/v1/chat/completion',
  '/v1/chat/completions/',
  '/v1/chat//completions',
  '/v2/chat/completions',
  '/V1/Chat/Completions',
  '/v1/v1/chat/completions',
  '/v1/completions',
  '/v1/images/generations',
  '/v1/files/x',
  '/v1/admin/v1/config',
  '/admin/v1/config',
  '/metrics',
  '/openapi.json',
  '/__proto__',
  '/constructor',
];

/** C12, C8: what a proxy in front may have taken for something else. */
function tricky(trap: string): readonly string[] {
  return [
    '/v1%2Fchat%2Fcompletions',
    '/%76%31/chat/completions',
    '/v1/chat/completions%00',
    '/v1/chat/completions%20',
    '/v1/chat/completions;a=b',
    '/v1/chat/completions?model=other&api_base=http%3A%2F%2Fevil.test',
    '/v1/chat/completions?__proto__[a]=1',
    '/v1/chat/completions#fragment',
    '//v1/chat/completions',
    '///v1/models',
    '/v1/../admin/v1/config',
    '/v1/%2e%2e/admin/v1/config',
    '/v1/models/../../admin/v1/config',
    '/v1/models/%2e%2e%2f%2e%2e%2fadmin',
    '/v1/models/%zz',
    '/v1/models/%00',
    '/v1/models/%c0%af',
    '/v1/models/%ff',
    '/v1/models/__proto__',
    '/v1/models/constructor',
    `/v1/models/${'a'.repeat(3_000)}`,
    `/v1/models/${'%F0%9F%98%80'.repeat(20)}`,
    `/v1/models/${'../'.repeat(200)}etc/passwd`,
    '/v1\\chat\\completions',
    '/./v1/./chat/completions',
    `${trap}/chat/completions`,
    `/${trap}/chat/completions`,
    `/v1/chat/completions@${trap.slice(7)}`,
    '*',
    'v1/chat/completions',
    'evil.test:443',
    '',
    '/v1/chat/\u00e9',
    '/v1/chat/completions HTTP/1.1\r\nx-injected: 1\r\nx:',
    '/v1/ chat/completions',
    '/v1/chat\tcompletions',
    `/${'a'.repeat(20_000)}`,
  ];
}

export interface Address {
  readonly path: string;
  readonly operation: Operation;
  /** The method the path is meant for. */
  readonly method: 'GET' | 'POST';
}

function misspelt(dice: Dice, path: string): string {
  const at = dice.below(path.length);
  return (
    path.slice(0, at) + dice.pick(['', '/', '%2f', 'x', '.', '..', '?', ';', '~', '%', '\\']) + path.slice(at + dice.below(2))
  );
}

/** A request target of one of the two listeners. */
export function makeAddress(dice: Dice, management: boolean, trap: string): Address {
  const [path, operation] = dice.pick(inference);
  const kind = dice.below(100);
  if (management) {
    if (kind < 70) return { path: dice.pick(operators), operation, method: 'GET' };
    return {
      path: dice.pick(kind < 80 ? near : kind < 90 ? tricky(trap) : [misspelt(dice, dice.pick(operators))]),
      operation,
      method: 'GET',
    };
  }
  if (kind < 72) return { path, operation, method: 'POST' };
  if (kind < 78) return { path: `${path}?${dice.pick(['', 'api-version=1', 'key=x', 'a=%00', '%'])}`, operation, method: 'POST' };
  if (kind < 86) return { path: dice.pick(reading), operation, method: 'GET' };
  return {
    path: dice.pick(kind < 90 ? near : kind < 97 ? tricky(trap) : [misspelt(dice, path)]),
    operation,
    method: dice.pick(['GET', 'POST']),
  };
}

const methods = [
  'GET',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'HEAD',
  'OPTIONS',
  'TRACE',
  'CONNECT',
  'QUERY',
  'PURGE',
  'M-SEARCH',
  'PROPFIND',
];
const noMethods = ['post', 'BREW', 'PO ST', '', 'PRI', 'GET\t', 'POST\0', 'X'.repeat(50)];

export function makeMethod(dice: Dice, meant: 'GET' | 'POST'): string {
  const kind = dice.below(100);
  return kind < 88 ? meant : dice.pick(kind < 97 ? methods : noMethods);
}
