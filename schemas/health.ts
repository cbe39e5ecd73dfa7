import { Type } from '@sinclair/typebox';

// Documents of the health routes. Times are unix seconds, durations seconds.

const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) => Type.Union([schema, Type.Null()]);

export const LivezSchema = Type.Object({ status: Type.Literal('ok') }, { description: 'The process answers.' });

export const ChecksSchema = Type.Record(
  Type.String(),
  Type.Object({
    ok: Type.Boolean(),
    reason: Type.Optional(Type.String({ description: 'why it fails' })),
  }),
  { description: 'by name' },
);

export const ReadyzSchema = Type.Object(
  {
    status: Type.Union([Type.Literal('ok'), Type.Literal('degraded'), Type.Literal('unavailable')], {
      description: 'degraded: traffic is welcome, but something that replicas share is away',
    }),
    failing: Type.Array(Type.String(), { description: 'names of the failing checks' }),
    checks: ChecksSchema,
  },
  { description: 'Whether traffic should be sent here.' },
);

export const DocumentsSchema = Type.Object(
  {
    total: Type.Integer(),
    unreadable: Type.Integer({ description: 'left out: damaged, forged, or under an encryption key that is not configured' }),
    under_previous_keys: Type.Integer({ description: 'to be encrypted anew; 0: the previous encryption keys may be removed' }),
  },
  { description: 'keys, teams and provider keys of the admin API' },
);

export const HealthSchema = Type.Object(
  {
    status: Type.Union([Type.Literal('ok'), Type.Literal('degraded'), Type.Literal('unavailable')], {
      description:
        'unavailable: a check fails; degraded: a target is out of use, or something that replicas share is away; else ok',
    }),
    version: Type.String(),
    uptime_seconds: Type.Integer(),
    checks: ChecksSchema,
    targets: Type.Object({ total: Type.Integer(), unavailable: Type.Integer() }),
    records: Type.Optional(DocumentsSchema),
    event_loop_delay_seconds: Type.Object(
      { p50: Type.Number(), p99: Type.Number(), max: Type.Number() },
      { description: 'over the last full window of 15 s' },
    ),
  },
  { description: 'This process in short.' },
);

export const ParkedKeySchema = Type.Object({
  name: Type.String({ description: 'of the configuration, else its place in the list' }),
  reason: Type.String({ description: 'authentication, quota or rate_limit' }),
  until: Type.Integer({ description: 'unix seconds' }),
});

export const TargetHealthSchema = Type.Object({
  target: Type.String({ description: 'provider/model' }),
  model: Type.String({ description: 'upstream model id' }),
  status: Type.Union([Type.Literal('ok'), Type.Literal('unavailable')]),
  breaker: Type.Union([Type.Literal('closed'), Type.Literal('half_open'), Type.Literal('open')]),
  unavailable_until: Nullable(Type.Integer({ description: 'unix seconds' })),
  unavailable_because: Nullable(
    Type.Union([Type.Literal('breaker'), Type.Literal('probe'), Type.Literal('rest'), Type.Literal('keys')], {
      description: 'probe: the provider does not answer probes; rest: the target asked for it; keys: no key may be used',
    }),
  ),
  consecutive_failures: Type.Integer(),
  latency_seconds: Nullable(
    Type.Number({ description: 'to the first content, peak EWMA; a failure counts as at least 5 s. null: nothing known' }),
  ),
  uptime: Nullable(Type.Number({ description: 'share of the latest attempts that did not fail through the target, 0 to 1' })),
  cache_share: Nullable(Type.Number({ description: 'share of the input tokens that the upstream had cached, 0 to 1' })),
  in_flight: Type.Integer(),
  limit: Nullable(Type.Integer({ description: 'requests it may work on at once; null: any number' })),
  share: Type.Number({ description: 'part of its share that it gets while it comes back, 0 to 1' }),
  parked_keys: Type.Array(ParkedKeySchema, { description: 'keys of the provider that are not used here for a while' }),
  last_failure: Nullable(Type.Object({ reason: Type.String(), at: Type.Integer({ description: 'unix seconds' }) })),
});

export const ProvidersHealthSchema = Type.Object(
  {
    data: Type.Array(
      Type.Object({
        name: Type.String(),
        type: Type.String(),
        origin: Nullable(Type.String({ description: 'null when it is served in process' })),
        status: Type.Union([Type.Literal('ok'), Type.Literal('degraded'), Type.Literal('unavailable')], {
          description: 'degraded: some targets or keys are out of use; unavailable: all targets, or all keys, are',
        }),
        keys: Type.Object({
          total: Type.Integer(),
          parked: Type.Array(ParkedKeySchema, { description: 'used nowhere for a while' }),
        }),
        targets: Type.Array(TargetHealthSchema),
      }),
    ),
  },
  {
    description:
      'What the answers of the providers have shown, and their probes where there are any; nothing is sent to find out.',
  },
);
