// The forms of `redis_url`. Pure: the configuration checks them with it, the client is made from what it returns.

export interface RedisNode {
  readonly host: string;
  readonly port: number;
}

/** Where Redis is and how one gets in. */
export interface RedisPlace {
  readonly kind: 'standalone' | 'sentinel' | 'cluster';
  /** The server; the Sentinels; some nodes of the cluster. Empty with a `socket`. */
  readonly nodes: readonly RedisNode[];
  /** Path of a unix socket. */
  readonly socket: string | null;
  readonly tls: boolean;
  readonly username: string | null;
  readonly password: string | null;
  readonly db: number;
  /** What Sentinel calls the group of servers; empty for the others. */
  readonly master: string;
  readonly sentinelUsername: string | null;
  readonly sentinelPassword: string | null;
}

/** What is wrong with a URL. Quotes nothing of it: it may hold a password. */
export interface RedisUrlFault {
  readonly message: string;
  readonly hint: string;
}

const example =
  'write redis://[user:password@]host[:6379][/db], rediss:// for TLS, unix:///path, redis+sentinel://host1,host2/master, or redis+cluster://host1,host2';
const ports = { standalone: 6379, sentinel: 26379, cluster: 6379 } as const;
const kinds = { redis: 'standalone', 'redis+sentinel': 'sentinel', 'redis+cluster': 'cluster' } as const;
const queryNames = ['db', 'sentinel_username', 'sentinel_password'];

class Fault extends Error {
  readonly hint: string;
  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

/** Reads a URL; every text is percent-decoded. */
export function parseRedisUrl(text: string): RedisPlace | RedisUrlFault {
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof Fault) return { message: error.message, hint: error.hint };
    throw error;
  }
}

function parse(text: string): RedisPlace {
  if (/[\s\p{Cc}]/u.test(text)) throw new Fault('the URL holds white space or a control character', 'remove it');
  // Several hosts with ports are no URL to URL.parse.
  const parts = /^([a-z+]+):\/\/(?:([^@/?#]*)@)?([^@/?#]*)(\/[^?#]*)?(?:\?([^#]*))?$/.exec(text);
  if (parts === null) throw new Fault('this is not a Redis URL', example);
  const [, scheme = '', user, hosts = '', path = '', query = ''] = parts;
  const parameters = readQuery(query);
  const [username, password] = credentials(user);
  const common = {
    username,
    password,
    sentinelUsername: parameters.get('sentinel_username') ?? null,
    sentinelPassword: parameters.get('sentinel_password') ?? null,
  };
  if (scheme === 'unix') {
    if (hosts !== '' || path.length < 2) throw new Fault('the path of the socket is missing', 'write unix:///run/redis.sock');
    const db = database(parameters.get('db'));
    return { ...common, kind: 'standalone', nodes: [], socket: decoded(path), tls: false, db, master: '' };
  }
  const plain = scheme.replace(/^rediss/, 'redis');
  if (!Object.hasOwn(kinds, plain)) throw new Fault('the URL has another scheme than those of Redis', example);
  const kind = kinds[plain as keyof typeof kinds];
  const nodes = hosts.split(',').map((host) => node(host, ports[kind]));
  if (kind === 'standalone' && nodes.length > 1) {
    throw new Fault('the URL has several hosts', 'say what they are: redis+sentinel:// or redis+cluster://');
  }
  const segments = path
    .split('/')
    .slice(1)
    .filter((segment) => segment !== '');
  const master = kind === 'sentinel' ? decoded(segments.shift() ?? '') : '';
  if (kind === 'sentinel' && master === '') {
    throw new Fault('the name of the master is missing', 'write it behind the hosts: redis+sentinel://host1,host2/mymaster');
  }
  if (segments.length > 1) throw new Fault('the path of the URL has too many parts', example);
  const db = database(segments[0] ?? parameters.get('db'));
  if (kind === 'cluster' && db !== 0) throw new Fault('a Redis cluster has database 0 only', 'remove the number');
  return { ...common, kind, nodes, socket: null, tls: scheme.startsWith('rediss'), db, master };
}

function credentials(user: string | undefined): readonly [string | null, string | null] {
  if (user === undefined || user === '') return [null, null];
  const colon = user.indexOf(':');
  if (colon === -1)
    throw new Fault('the URL has a user without a password', 'write redis://user:password@host, or redis://:password@host');
  const name = decoded(user.slice(0, colon));
  const password = decoded(user.slice(colon + 1));
  return [name === '' ? null : name, password === '' ? null : password];
}

function node(text: string, port: number): RedisNode {
  const [, v6, name, digits] = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9_.-]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = v6 ?? name;
  const number = digits === undefined ? port : Number(digits);
  if (host === undefined || number < 1 || number > 65_535) throw new Fault('a host or port of the URL is malformed', example);
  return { host, port: number };
}

function database(text: string | undefined): number {
  if (text === undefined) return 0;
  if (!/^\d{1,5}$/.test(text)) throw new Fault('the database is not a number', example);
  return Number(text);
}

function readQuery(query: string): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const pair of query === '' ? [] : query.split('&')) {
    const [name = '', value = ''] = pair.split('=', 2);
    if (!queryNames.includes(name))
      throw new Fault('the URL has a parameter that is unknown', `known are ${queryNames.join(', ')}`);
    parameters.set(name, decoded(value));
  }
  return parameters;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Fault('the URL is not percent-encoded well', 'write a literal % as %25');
  }
}
