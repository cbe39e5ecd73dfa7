import fc from 'fast-check';

// Configurations: good ones, and trees of anything under the names that mean something.

export type Tree = { [key: string]: unknown };

export const modelName = fc.constantFrom('m', 'smart', 'gpt-5.4', 'a/b', 'toString', 'x y', 'ü', '1', 'true', 'null');
export const providerName = fc.constantFrom('up', 'v.1', 'local', 'toString', 'a_b');
const duration = fc.constantFrom('500ms', '2s', '1.5s', '5m', '1h', '0');
const text = fc.constantFrom(
  'a',
  'with space',
  '5',
  'true',
  'null',
  '~',
  '- x',
  'a: b',
  '#c',
  '"q"',
  "it's",
  '🙂',
  '$${x}',
  '*',
  '&a',
  '!t',
  '%',
  '@',
  '`',
);

/** Every part is optional; what is there is right, but for names of models and providers that need not exist. */
export const goodConfig: fc.Arbitrary<Tree> = fc.record(
  {
    server: fc.record(
      {
        body_limit: fc.constantFrom('1MiB', '64KiB', '1.5MB'),
        write_timeout: duration,
        max_connections: fc.integer({ min: 1, max: 1_000 }),
      },
      { requiredKeys: [] },
    ),
    timeouts: fc.record({ connect: duration, idle: duration, total: duration }, { requiredKeys: [] }),
    health: fc.record(
      { failure_ratio: fc.constantFrom(0, 0.25, 1), min_requests: fc.integer({ min: 1, max: 50 }) },
      { requiredKeys: [] },
    ),
    logging: fc.record({ level: fc.constantFrom('info', 'warn', 'silent'), access: fc.boolean() }, { requiredKeys: [] }),
    providers: fc.dictionary(
      providerName,
      fc.record(
        {
          type: fc.constantFrom('openai-compatible', 'sandbox'),
          base_url: fc.constantFrom('http://127.0.0.1:9/v1', 'https://api.vendor.test', 'http://[::1]:8000/openai/v1'),
          api_key: fc.constantFrom('up-key-1', '5', 'sk-abc'),
          headers: fc.dictionary(fc.constantFrom('x-a', 'x-b'), text, { maxKeys: 2 }),
          models: fc.array(fc.constantFrom('up-1', '7b', '1e3'), { maxLength: 2 }),
          enabled: fc.boolean(),
        },
        { requiredKeys: ['type', 'base_url', 'api_key'] },
      ),
      { maxKeys: 3 },
    ),
    models: fc.dictionary(
      modelName,
      fc.record(
        {
          strategy: fc.constantFrom('weighted', 'priority', 'round-robin'),
          targets: fc.array(fc.record({ provider: providerName, model: fc.constantFrom('up-1', '5', 'a/b') }), {
            minLength: 1,
            maxLength: 2,
          }),
          fallbacks: fc.array(modelName, { maxLength: 1 }),
        },
        { requiredKeys: ['targets'] },
      ),
      { maxKeys: 3 },
    ),
    keys: fc.dictionary(
      fc.constantFrom('ops', 'a-b'),
      fc.record({ secret: fc.constantFrom('kR8vQ2mN5tX9wB3cF7hJ', 'zW4pL7yD2sG9vT5nM8qK') }),
      { maxKeys: 2 },
    ),
    prices: fc.dictionary(fc.constantFrom('up/up-1', 'v.1/x'), fc.record({ input: fc.constantFrom(0, 1.25, 3) }), { maxKeys: 1 }),
  },
  { requiredKeys: [] },
);

const known = [
  ...[
    'server',
    'management',
    'auth',
    'keys',
    'teams',
    'providers',
    'models',
    'timeouts',
    'retries',
    'health',
    'limits',
    'budgets',
    'cache',
  ],
  ...[
    'ledger',
    'prices',
    'logging',
    'telemetry',
    'alerts',
    'plugins',
    'data_dir',
    'redis_url',
    'encryption_key',
    'listen',
    'workers',
  ],
  ...[
    'body_limit',
    'trust_proxy',
    'cors',
    'origins',
    'shutdown',
    'delay',
    'mode',
    'secret',
    'type',
    'preset',
    'base_url',
    'api_key',
    'headers',
  ],
  ...[
    'renames',
    'operations',
    'strategy',
    'targets',
    'provider',
    'model',
    'weight',
    'fallbacks',
    'budget',
    'ratio',
    'tiers',
    'above',
    'input',
  ],
  ...[
    'admin_api_key',
    'failed_attempts',
    'max',
    'window',
    'level',
    'm',
    'up',
    '*',
    'a*',
    '',
    'constructor',
    'toString',
    'x'.repeat(80),
  ],
];

/** Anything, under names that mean something here or there. */
export const anyTree: fc.Arbitrary<Tree> = fc.letrec<{ tree: Tree; node: unknown }>((tie) => ({
  tree: fc.dictionary(fc.constantFrom(...known), tie('node'), { maxKeys: 4 }) as fc.Arbitrary<Tree>,
  node: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.constantFrom<unknown>(
      null,
      true,
      0,
      1,
      -1,
      1.5,
      Number.POSITIVE_INFINITY,
      Number.NaN,
      '',
      '5',
      '2s',
      '1MiB',
      '127.0.0.1:0',
      'http://x/v1',
      'none',
      'm',
      'up',
      '*',
      'a*b',
      'gateway',
    ),
    text,
    fc.array(tie('node'), { maxLength: 3 }),
    tie('tree'),
  ),
})).tree;

/** Paths of the leaves that are texts. */
export function textPaths(value: unknown, path: readonly string[] = []): string[][] {
  if (typeof value === 'string') return [[...path]];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) => textPaths(member, [...path, key]));
}

/** A copy with the text at `path` replaced by what `change` makes of it. */
export function withText<T>(tree: T, path: readonly string[], change: (text: string) => unknown): T {
  const [key, ...rest] = path;
  if (key === undefined) return change(tree as string) as T;
  const copy = structuredClone(tree) as Tree;
  copy[key] = withText(copy[key], rest, change);
  return copy as T;
}
