import { type Static, Type } from '@sinclair/typebox';
import { closed, Duration, Optional, Size, TimeoutsSchema } from './config-units.ts';
import { gatewayOptions } from './gateway-options.ts';
import { AlertsSchema, AllowanceFields, BudgetsSchema, LimitsFields } from './limits-config.ts';
import { PriceSchema } from './price-config.ts';
import { ProviderSchema } from './provider-config.ts';
import { HedgeSchema, ModelSchema, QueueSchema } from './routing-config.ts';

export type * from './config-units.ts';
export type * from './limits-config.ts';
export type * from './price-config.ts';
export type * from './provider-config.ts';
export type * from './routing-config.ts';

// The configuration file. Written with units (`2s`, `32MiB`); the loader turns those into numbers, so the static type
// of a duration or a size is `number` while its JSON schema is a string with a format.

/** A block whose name is settled and whose fields come with a later version: any key in it is refused by name. */
const Reserved = (description: string) => Type.Object({}, { ...closed, description, reserved: true });

const ServerSchema = Type.Object(
  {
    listen: Type.String({ description: '`host:port`, `[v6]:port`, `:port` or `unix:/path`', minLength: 1 }),
    workers: Type.Integer({ minimum: 1, description: 'processes; only 1 is supported' }),
    body_limit: Size('largest request body'),
    bodies_in_flight: Size('all request bodies under way together; beyond it 503'),
    max_in_flight: Type.Integer({ minimum: 1, description: 'calls under way together; beyond it 503' }),
    max_header_size: Size('largest request head'),
    header_timeout: Duration('request head has to arrive within'),
    body_timeout: Duration('whole request has to arrive within'),
    write_timeout: Duration('a client that reads nothing for this long is cut'),
    keep_alive_timeout: Duration('idle client connections are closed after'),
    max_connections: Type.Integer({ minimum: 1, description: 'open client connections; the last twentieth is refused with 503' }),
    max_requests_per_socket: Type.Integer({ minimum: 0, description: 'requests on one client connection, 0 = no limit' }),
    keep_alive_comments: Duration('SSE comment while a stream waits for its first content; 0s = none'),
    trust_proxy: Type.Array(Type.String(), { description: 'addresses or CIDRs whose X-Forwarded-* is believed' }),
    cors: Type.Object({ origins: Type.Array(Type.String(), { description: 'allowed origins; empty = CORS off' }) }, closed),
    overload: Type.Object(
      {
        unready_above: Duration('delay of the event loop, averaged over a second, above which /readyz fails; 0s = never'),
        shed_above: Duration('delay above which new calls are refused with 503; 0s = never'),
        target: Duration('delay that is aimed at: while it stays above, fewer and fewer new calls are taken; 0s = never'),
      },
      closed,
    ),
    shutdown: Type.Object(
      {
        delay: Duration('keep accepting this long after the signal, readiness already false'),
        timeout: Duration('hard deadline for open exchanges after the delay'),
      },
      closed,
    ),
  },
  closed,
);

const FailedAttempts = Type.Object(
  {
    max: Type.Integer({ minimum: 1, description: 'failed authentications of one IP per window before 429' }),
    window: Duration('length of the window'),
  },
  closed,
);

const ManagementSchema = Type.Object(
  {
    listen: Type.String({ description: 'as server.listen', minLength: 1 }),
    max_connections: Type.Integer({ minimum: 1, description: 'as server.max_connections' }),
    admin_api_key: Optional(Type.String({ minLength: 20, secret: true, description: 'turns the admin API on' })),
    failed_attempts: FailedAttempts,
  },
  closed,
);

const GatewayOption = Type.Union(gatewayOptions.map((option) => Type.Literal(option)));

const AuthSchema = Type.Object(
  {
    options: Type.Array(GatewayOption, {
      description: 'what callers may set in the body object `gateway`, unless their key says otherwise',
    }),
    mode: Optional(
      Type.Union([Type.Literal('gateway'), Type.Literal('client'), Type.Literal('hybrid'), Type.Literal('none')], {
        description:
          'gateway: callers need a gateway key; client: they send a key of the provider; hybrid: a gateway key, and one of the provider if they like; none: no key asked. Absent: gateway when any key exists',
      }),
    ),
    failed_attempts: FailedAttempts,
  },
  closed,
);

const KeySchema = Type.Object(
  {
    secret: Type.String({ minLength: 20, secret: true, description: 'what the caller sends' }),
    team: Optional(Type.String({ minLength: 1, description: 'name of a team' })),
    providers: Optional(Type.Array(Type.String(), { description: 'providers the key may use; absent: all' })),
    ...AllowanceFields,
    expires_at: Optional(Type.String({ format: 'instant', description: 'not taken from then on' })),
    metadata: Optional(
      Type.Record(Type.String(), Type.String(), { description: 'labels, stored with each call beside the caller’s own' }),
    ),
    log: Optional(Type.Boolean({ description: 'false: no access log line for its calls' })),
    models: Optional(Type.Array(Type.String(), { description: 'model names or patterns the key may use; absent: all' })),
    options: Optional(
      Type.Array(GatewayOption, { description: 'what its callers may set in the body object `gateway`; absent: auth.options' }),
    ),
  },
  closed,
);

const TeamSchema = Type.Object(
  {
    models: Optional(Type.Array(Type.String(), { description: 'model names or patterns its keys may use; absent: all' })),
    providers: Optional(Type.Array(Type.String(), { description: 'providers its keys may use; absent: all' })),
    ...AllowanceFields,
    metadata: Optional(Type.Record(Type.String(), Type.String(), { description: 'labels' })),
  },
  closed,
);

const RetriesSchema = Type.Object(
  {
    max_attempts: Type.Integer({ minimum: 1, maximum: 10, description: 'upstream sends per exchange' }),
    backoff: Duration('before the same target is tried again; doubles, with jitter'),
    budget: Type.Object(
      {
        ratio: Type.Number({ minimum: 0, maximum: 1, description: 'extra attempts per request' }),
        min_per_second: Type.Number({ minimum: 0, description: 'extra attempts per second always allowed' }),
        window: Duration('over which the ratio holds'),
      },
      closed,
    ),
    hedge: HedgeSchema,
  },
  closed,
);

const HealthSchema = Type.Object(
  {
    consecutive_failures: Type.Integer({ minimum: 1, description: 'open the breaker after this many in a row' }),
    failure_ratio: Type.Number({ minimum: 0, maximum: 1, description: 'or when this share of the window failed' }),
    min_requests: Type.Integer({ minimum: 1, description: 'requests in the window before the ratio counts' }),
    window: Duration('over which the ratio is taken'),
    open_for: Duration('first open period; doubles with each reopening'),
    max_open_for: Duration('longest open period'),
    rate_limit_rest: Duration('rest of a target after 429 without Retry-After'),
    quota_rest: Duration('rest of an API key whose quota at the provider is spent, without Retry-After'),
    credential_rest: Duration('rest of an API key that the provider refuses; doubles with each refusal'),
    max_rest: Duration('longest rest, and longest Retry-After that is believed'),
    slow_start: Duration('a target that was out gets its full share again only after this; 0s = at once'),
  },
  closed,
);

const LimitsSchema = Type.Object({ queue: QueueSchema, ...LimitsFields }, closed);

const LedgerSchema = Type.Object(
  {
    decisions: Type.Boolean({ description: 'keep with each call why its targets were chosen' }),
    fsync: Type.Union([Type.Literal('normal'), Type.Literal('always')], {
      description: 'always: also survives a power loss, at the price of an fsync per commit',
    }),
    // In days: a duration ends at 24 days, the longest timer.
    retention_days: Type.Integer({
      minimum: 0,
      maximum: 36_500,
      description: 'attempts and decisions older than this are removed, their sums by day stay; 0 = never',
    }),
  },
  closed,
);

const LoggingSchema = Type.Object(
  {
    level: Type.Union(
      (['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const).map((level) => Type.Literal(level)),
      { description: 'pino level' },
    ),
    pretty: Type.Boolean({ description: 'for people instead of machines' }),
    access: Type.Boolean({ description: 'one line per exchange' }),
    decisions: Type.Boolean({ description: 'one line per exchange that says why its targets were chosen' }),
  },
  closed,
);

export const ConfigSchema = Type.Object(
  {
    server: ServerSchema,
    management: ManagementSchema,
    auth: AuthSchema,
    keys: Type.Record(Type.String(), KeySchema, { description: 'gateway keys by name' }),
    teams: Type.Record(Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$' }), TeamSchema, {
      description: 'groups of keys by name, with limits that hold for all of a group together',
    }),
    providers: Type.Record(Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$' }), ProviderSchema),
    models: Type.Record(Type.String(), ModelSchema, { description: 'what clients send as "model"; patterns end in *' }),
    timeouts: TimeoutsSchema,
    retries: RetriesSchema,
    health: HealthSchema,
    limits: LimitsSchema,
    budgets: BudgetsSchema,
    cache: Reserved('response cache'),
    ledger: LedgerSchema,
    prices: Type.Record(Type.String(), PriceSchema, {
      description: '`provider/model`, or a pattern of it that ends in * -> USD per million units',
    }),
    logging: LoggingSchema,
    telemetry: Reserved('trace export'),
    alerts: AlertsSchema,
    plugins: Type.Array(Type.Never(), { maxItems: 0, description: 'operator plugins', reserved: true }),
    data_dir: Type.String({ minLength: 1, description: 'ledger and other state; one process each' }),
    redis_url: Optional(Type.String({ secret: true })),
    redis_prefix: Type.String({
      pattern: '^[A-Za-z0-9_.:-]{1,64}$',
      description: 'what the names of all keys in Redis begin with',
    }),
    encryption_key: Optional(Type.String({ secret: true, format: 'key-32' })),
    previous_encryption_keys: Optional(
      Type.Array(Type.String({ secret: true, format: 'key-32' }), {
        description: 'keys before this one: what they encrypted is read, and encrypted anew',
      }),
    ),
  },
  closed,
);

type DeepReadonly<T> = T extends (infer U)[]
  ? readonly DeepReadonly<U>[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T;

/** One validated, frozen configuration. An exchange keeps the snapshot it started with. */
export type Config = DeepReadonly<Static<typeof ConfigSchema>>;
