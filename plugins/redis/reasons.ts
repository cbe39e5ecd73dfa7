/** Why Redis cannot be used, from a closed list: labels of metrics and words of log lines. */
export const reasons = [
  'connecting',
  'unreachable',
  'timeout',
  'readonly',
  'loading',
  'out_of_memory',
  'cluster_down',
  'moved',
  'authentication',
  'permission',
  'not_writable',
  'error',
] as const;
export type RedisReason = (typeof reasons)[number];

/** What operators are told. None quotes the server: what it says may hold what it was sent. */
export const explanations: Readonly<Record<RedisReason, string>> = {
  connecting: 'Redis is not connected yet',
  unreachable: 'Redis cannot be reached',
  timeout: 'Redis does not answer in time',
  readonly: 'Redis is a read-only replica',
  loading: 'Redis is loading its data',
  out_of_memory: 'Redis is out of memory',
  cluster_down: 'the Redis cluster is down',
  moved: 'Redis is a node of a cluster: write redis_url as redis+cluster://…',
  authentication: 'Redis refuses the user or password of redis_url',
  permission:
    'Redis does not allow a command: give the user of redis_url all keys below redis_prefix and the commands of docs/limits.md',
  not_writable: 'Redis refuses writes because it cannot save',
  error: 'Redis answers with an error',
};

const byCode: Readonly<Record<string, RedisReason>> = {
  READONLY: 'readonly',
  LOADING: 'loading',
  OOM: 'out_of_memory',
  CLUSTERDOWN: 'cluster_down',
  MASTERDOWN: 'cluster_down',
  TRYAGAIN: 'cluster_down',
  MOVED: 'moved',
  ASK: 'moved',
  CROSSSLOT: 'moved',
  NOAUTH: 'authentication',
  WRONGPASS: 'authentication',
  NOPERM: 'permission',
  MISCONF: 'not_writable',
  NOREPLICAS: 'not_writable',
  BUSY: 'timeout',
};

/** The reason in an error of ioredis: the first word of what the server said, or how the connection failed. */
export function reasonOf(error: unknown): RedisReason {
  if (!(error instanceof Error)) return 'error';
  const { message, name } = error;
  if (message === 'Command timed out' || name === 'TimeoutError') return 'timeout';
  if (name === 'ReplyError') {
    // Redis 6 wraps what a command inside a script said: `ERR Error running script (…): -OOM …`.
    for (const [word] of message.slice(0, 300).matchAll(/[A-Z]{3,}/g)) if (Object.hasOwn(byCode, word)) return byCode[word]!;
    return 'error';
  }
  return 'unreachable';
}
