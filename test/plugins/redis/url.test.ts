import { expect, test } from 'vitest';
import { parseRedisUrl } from '../../../plugins/redis/url.ts';

const plain = {
  kind: 'standalone',
  nodes: [{ host: 'h', port: 6379 }],
  socket: null,
  tls: false,
  username: null,
  password: null,
  db: 0,
  master: '',
  sentinelUsername: null,
  sentinelPassword: null,
};

test.each([
  ['redis://h', {}],
  ['redis://h/', {}],
  ['redis://h:7000/3', { nodes: [{ host: 'h', port: 7000 }], db: 3 }],
  ['redis://h?db=4', { db: 4 }],
  ['rediss://h', { tls: true }],
  ['redis://[::1]:7000', { nodes: [{ host: '::1', port: 7000 }] }],
  ['redis://:p%40ss@h', { password: 'p@ss' }],
  ['redis://user:a:b@h', { username: 'user', password: 'a:b' }],
  ['unix:///run/redis.sock?db=1', { nodes: [], socket: '/run/redis.sock', db: 1 }],
  [
    'redis+cluster://a,b:7001',
    {
      kind: 'cluster',
      nodes: [
        { host: 'a', port: 6379 },
        { host: 'b', port: 7001 },
      ],
    },
  ],
  ['rediss+cluster://u:p@a', { kind: 'cluster', tls: true, nodes: [{ host: 'a', port: 6379 }], username: 'u', password: 'p' }],
  [
    'redis+sentinel://:p@a,b:5/main/2?sentinel_username=s&sentinel_password=t%26',
    {
      kind: 'sentinel',
      nodes: [
        { host: 'a', port: 26379 },
        { host: 'b', port: 5 },
      ],
      master: 'main',
      db: 2,
      password: 'p',
      sentinelUsername: 's',
      sentinelPassword: 't&',
    },
  ],
])('%s', (url, different) => {
  expect(parseRedisUrl(url)).toEqual({ ...plain, ...different });
});

test.each([
  ['http://h', /scheme/],
  ['redis//h', /not a Redis URL/],
  ['redis://', /host or port/],
  ['redis://h:0', /host or port/],
  ['redis://h:99999', /host or port/],
  ['redis://a,b', /several hosts/],
  ['redis://CANARY@h', /user without a password/],
  ['redis://:%CANARY@h', /percent-encoded/],
  ['redis://h/x', /not a number/],
  ['redis://h/1/2', /too many parts/],
  ['redis://h?CANARY=1', /parameter/],
  ['redis+sentinel://a,b', /master/],
  ['redis+cluster://a/1', /database 0/],
  ['unix://', /socket/],
  ['redis://h\n', /white space/],
  ['rediss+constructor://h', /scheme/],
])('%s is refused, and nothing of it is quoted', (url, message) => {
  const fault = parseRedisUrl(url) as { message: string; hint: string };
  expect(fault.message).toMatch(message);
  expect(fault.message + fault.hint).not.toContain('CANARY');
  expect(fault.hint).not.toBe('');
});
