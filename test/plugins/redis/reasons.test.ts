import { ReplyError } from 'ioredis';
import { expect, test } from 'vitest';
import { explanations, reasonOf, reasons } from '../../../plugins/redis/reasons.ts';

const reply = (message: string) => new (ReplyError as unknown as new (message: string) => Error)(message);

test.each([
  ['READONLY You can’t write against a read only replica.', 'readonly'],
  ['LOADING Redis is loading the dataset in memory', 'loading'],
  ["OOM command not allowed when used memory > 'maxmemory'. script: 5c, on @user_script:54.", 'out_of_memory'],
  ['ERR Error running script (call to f_5c): @user_script:1: @user_script: 1: -OOM command not allowed', 'out_of_memory'],
  ['CLUSTERDOWN Hash slot not served', 'cluster_down'],
  ['MASTERDOWN Link with MASTER is down', 'cluster_down'],
  ['TRYAGAIN Multiple keys request during rehashing of slot', 'cluster_down'],
  ['MOVED 3999 127.0.0.1:6381', 'moved'],
  ["CROSSSLOT Keys in request don't hash to the same slot", 'moved'],
  ['NOAUTH Authentication required.', 'authentication'],
  ['WRONGPASS invalid username-password pair or user is disabled.', 'authentication'],
  ["NOPERM User x has no permissions to run the 'evalsha' command", 'permission'],
  ['MISCONF Redis is configured to save RDB snapshots, but', 'not_writable'],
  ['BUSY Redis is busy running a script.', 'timeout'],
  ['ERR unknown command', 'error'],
  ['__proto__ constructor', 'error'],
])('R7: %s', (message, reason) => {
  expect(reasonOf(reply(message))).toBe(reason);
});

test('what does not come from the server is a connection that is not there, or late', () => {
  expect(reasonOf(new Error('Command timed out'))).toBe('timeout');
  expect(reasonOf(new Error('Connection is closed.'))).toBe('unreachable');
  expect(reasonOf(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }))).toBe('unreachable');
  expect(reasonOf(null)).toBe('error');
});

test('every reason has words for operators', () => {
  expect(Object.keys(explanations).sort()).toEqual([...reasons].sort());
});
