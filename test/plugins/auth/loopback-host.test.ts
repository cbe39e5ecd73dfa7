import { expect, test } from 'vitest';
import { isLoopbackHost } from '../../../plugins/auth/loopback-host.ts';

test.each([
  'localhost',
  'LOCALHOST:4000',
  'app.localhost',
  'a.b.localhost:80',
  '127.0.0.1',
  '127.0.0.1:4000',
  '127.9.8.7:1',
  '[::1]',
  '[::1]:4000',
])('%s names this machine', (host) => {
  expect(isLoopbackHost(host)).toBe(true);
});

test.each([
  undefined,
  '',
  'example.com',
  'localhost.example.com',
  'notlocalhost',
  '127.0.0.1.example.com',
  '127.example.com',
  '127.0.0.256',
  '127.0.0',
  '128.0.0.1',
  '0.0.0.0',
  '10.0.0.1:4000',
  '[::2]',
  '[::ffff:10.0.0.1]',
  '::1',
  'localhost:4000:1',
  'localhost@example.com',
  'example.com/localhost',
  'localhost evil',
])('%s does not', (host) => {
  expect(isLoopbackHost(host)).toBe(false);
});
