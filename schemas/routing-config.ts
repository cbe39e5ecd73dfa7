import { type Static, Type } from '@sinclair/typebox';
import { closed, Duration, Optional, TimeoutOverrides } from './config-units.ts';

// One entry of `models` in the configuration file: the targets behind a name and how one of them is chosen.

/** How many requests a target works on at once. */
export const ConcurrencySchema = Type.Object(
  {
    max: Optional(Type.Integer({ minimum: 1, description: 'requests under way together; of an adaptive limit the highest' })),
    adaptive: Optional(
      Type.Boolean({ description: 'the limit is found from how the time to the first byte grows with the requests under way' }),
    ),
  },
  closed,
);
export type ConcurrencyConfig = Static<typeof ConcurrencySchema>;

const TargetSchema = Type.Object(
  {
    provider: Type.String({ minLength: 1 }),
    model: Type.String({ minLength: 1, description: 'upstream model id; "*" takes what the pattern matched' }),
    weight: Optional(Type.Number({ minimum: 0, maximum: 1_000_000 })),
    dimensions: Optional(Type.Integer({ minimum: 1, description: 'length of the embedding vectors of this target' })),
    concurrency: Optional(ConcurrencySchema),
  },
  closed,
);
export type TargetConfig = Static<typeof TargetSchema>;

/** A price of a target above which it is not used, in USD per million tokens. */
export const MaxPriceSchema = Type.Object(
  {
    input: Optional(Type.Number({ minimum: 0, description: 'USD per million input tokens' })),
    output: Optional(Type.Number({ minimum: 0, description: 'USD per million output tokens' })),
  },
  closed,
);
export type MaxPrice = Static<typeof MaxPriceSchema>;

/** A second target that starts when the first is slow; the first content wins. */
export const HedgeSchema = Type.Object(
  {
    enabled: Type.Boolean({ description: 'a second target starts when the first content is late; the first content wins' }),
    percentile: Type.Number({
      minimum: 50,
      maximum: 99.9,
      description: 'of the times to first content: later than this is late',
    }),
    min_samples: Type.Integer({ minimum: 10, description: 'answers to be seen before anything is hedged' }),
    min_delay: Duration('never earlier than this'),
    max_ratio: Type.Number({ minimum: 0, maximum: 0.5, description: 'extra requests per request, at most' }),
    max_in_flight: Type.Integer({ minimum: 1, description: 'while more calls than this are under way, nothing is hedged' }),
  },
  closed,
);
export type HedgeConfig = Static<typeof HedgeSchema>;

/** A copy of the traffic whose answers nobody sees. */
const ShadowSchema = Type.Object(
  {
    provider: Type.String({ minLength: 1 }),
    model: Type.String({ minLength: 1, description: 'upstream model id' }),
    share: Optional(Type.Number({ minimum: 0, maximum: 1, description: 'of the calls; absent: all' })),
    max_in_flight: Optional(Type.Integer({ minimum: 1, description: 'copies under way together; absent: 10' })),
  },
  closed,
);
export type ShadowConfig = Static<typeof ShadowSchema>;

const AffinitySchema = Type.Array(Type.Union([Type.Literal('prompt_cache_key'), Type.Literal('user'), Type.Literal('prefix')]), {
  description: 'calls that are alike in the first of these that a call has go to the same target; [] = none',
});

/** How much each property counts in the strategy `score`; absent ones have their default. */
const ScoreSchema = Type.Object(
  {
    price: Optional(Type.Number({ minimum: 0 })),
    latency: Optional(Type.Number({ minimum: 0 })),
    uptime: Optional(Type.Number({ minimum: 0 })),
    cache: Optional(Type.Number({ minimum: 0 })),
  },
  closed,
);
export type ScoreWeights = Static<typeof ScoreSchema>;

export const QueueSchema = Type.Object(
  {
    max: Type.Integer({ minimum: 0, description: 'calls that wait for a target that is at its limit; beyond it 503' }),
    wait: Duration('a call waits no longer than this'),
  },
  closed,
);
export type QueueConfig = Static<typeof QueueSchema>;

export const ModelSchema = Type.Object(
  {
    strategy: Optional(Type.String({ minLength: 1, description: 'how one of the targets is chosen; absent: weighted' })),
    targets: Type.Array(TargetSchema, { minItems: 1 }),
    fallbacks: Optional(Type.Array(Type.String(), { description: 'models tried when every target here is out' })),
    context_window_fallbacks: Optional(
      Type.Array(Type.String(), { description: 'models tried when a call is too long for the targets here' }),
    ),
    content_policy_fallbacks: Optional(
      Type.Array(Type.String(), { description: 'models tried when the content filter of a target refuses a call' }),
    ),
    timeouts: Optional(TimeoutOverrides),
    max_price: Optional(MaxPriceSchema),
    score: Optional(ScoreSchema),
    affinity: Optional(AffinitySchema),
    hedge: Optional(Type.Partial(HedgeSchema)),
    shadow: Optional(ShadowSchema),
    queue: Optional(Type.Partial(QueueSchema)),
  },
  closed,
);
export type ModelConfig = Static<typeof ModelSchema>;
