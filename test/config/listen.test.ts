import fc from 'fast-check';
import { expect, test } from 'vitest';
import { collide, formatListen, isLocal, type ListenAddress, parseListen } from '../../config/listen.ts';

test.each([
  ['127.0.0.1:4000', { kind: 'tcp', host: '127.0.0.1', port: 4000 }],
  ['[::1]:0', { kind: 'tcp', host: '::1', port: 0 }],
  ['localhost:65535', { kind: 'tcp', host: 'localhost', port: 65535 }],
  [':80', { kind: 'tcp', host: '::', port: 80 }],
  ['unix:/run/x.sock', { kind: 'unix', path: '/run/x.sock' }],
])('%s is an address', (text, address) => {
  expect(parseListen(text)).toEqual(address);
});

test.each([
  '4000',
  '127.0.0.1',
  '::1:80',
  '127.0.0.1:65536',
  '256.0.0.1:1',
  '[127.0.0.1]:1',
  'a b:1',
  'http://x:1',
  'unix:',
  `unix:/${'x'.repeat(107)}`,
])('%s is not, and what is wrong is said', (text) => {
  expect(parseListen(text)).toBeTypeOf('string');
});

test('an address reads back as it was written out', () => {
  const host = fc.oneof(fc.ipV4(), fc.constantFrom('::1', '::', 'fe80::1', 'localhost', 'my-host.example'));
  fc.assert(
    fc.property(host, fc.nat(65_535), (name, port) => {
      const address = { kind: 'tcp', host: name, port } as const;
      expect(parseListen(formatListen(address))).toEqual(address);
    }),
  );
});

test.each([
  ['127.0.0.1:1', true],
  ['127.9.9.9:1', true],
  ['localhost:1', true],
  ['[::1]:1', true],
  ['unix:/x', true],
  ['0.0.0.0:1', false],
  [':1', false],
  ['10.0.0.1:1', false],
  ['127.example.com:1', false],
])('%s is local to the machine: %s', (text, local) => {
  expect(isLocal(parseListen(text) as ListenAddress)).toBe(local);
});

test.each([
  ['127.0.0.1:1', '127.0.0.1:1', true],
  ['127.0.0.1:1', '127.0.0.1:2', false],
  ['127.0.0.1:0', '127.0.0.1:0', false],
  ['0.0.0.0:1', '127.0.0.1:1', true],
  ['localhost:1', '127.0.0.1:1', true],
  ['10.0.0.1:1', '127.0.0.1:1', false],
  ['unix:/a', 'unix:/a', true],
  ['unix:/a', '127.0.0.1:1', false],
])('%s and %s collide: %s', (a, b, expected) => {
  expect(collide(parseListen(a) as ListenAddress, parseListen(b) as ListenAddress)).toBe(expected);
});
