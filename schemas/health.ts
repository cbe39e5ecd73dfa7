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
    status: Type.Union([Type.Literal('ok'), Type.Literal('unavailable')]),
    failing: Type.Array(Type.String(), { description: 'names of the failing checks' }),
    checks: ChecksSchema,
  },
  { description: 'Whether traffic should be sent here.' },
);

export const HealthSchema = Type.Object(
  {
    status: Type.Union([Type.Literal('ok'), Type.Literal('degraded'), Type.Literal('unavailable')], {
      description: 'unavailable: a check fails; degraded: a target is out of use; else ok',
    }),
    version: Type.String(),
    uptime_seconds: Type.Integer(),
    checks: ChecksSchema,
    targets: Type.Object({ total: Type.Integer(), unavailable: Type.Integer() }),
    event_loop_delay_seconds: Type.Object(
      { p50: Type.Number(), p99: Type.Number(), max: Type.Number() },
      { description: 'over the last full window of 15 s' },
    ),
  },
  { description: 'This process in short.' },
);

export const TargetHealthSchema = Type.Object({
  target: Type.String({ description: 'provider/model' }),
  model: Type.String({ description: 'upstream model id' }),
  status: Type.Union([Type.Literal('ok'), Type.Literal('unavailable')]),
  breaker: Type.Union([Type.Literal('closed'), Type.Literal('half_open'), Type.Literal('open')]),
  unavailable_until: Nullable(Type.Integer({ description: 'unix seconds' })),
  consecutive_failures: Type.Integer(),
  in_flight: Type.Integer(),
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
          description: 'degraded: some targets are out of use; unavailable: all are',
        }),
        targets: Type.Array(TargetHealthSchema),
      }),
    ),
  },
  { description: 'What the answers of the providers have shown; nothing is sent to find out.' },
);
