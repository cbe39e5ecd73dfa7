import { type Static, Type } from '@sinclair/typebox';
import { closed, Duration, Optional, TimeoutOverrides } from './config-units.ts';
import { ConcurrencySchema } from './routing-config.ts';

// One entry of `providers` in the configuration file.

/** Keeping the beginning of prompts at the upstream, where it is asked for by a call of its own. */
const ContextCacheSchema = Type.Object(
  {
    mode: Optional(
      Type.Union([Type.Literal('off'), Type.Literal('marker'), Type.Literal('auto')], {
        description: 'marker: what callers mark with cache_control; auto: also prompts that begin alike',
      }),
    ),
    models: Optional(
      Type.Array(Type.String({ minLength: 1 }), { description: 'model ids or patterns that auto holds for; absent: all' }),
    ),
    ttl: Optional(Duration('kept this long; markers may name their own')),
    min_tokens: Optional(
      Type.Record(Type.String(), Type.Integer({ minimum: 1 }), {
        description: 'model id or pattern -> fewest tokens worth keeping',
      }),
    ),
    max_entries: Optional(Type.Integer({ minimum: 1, description: 'prefixes kept at once' })),
  },
  closed,
);

const ModalitySchema = Type.Union((['text', 'image', 'audio', 'video', 'file'] as const).map((each) => Type.Literal(each)));

const OperationSchema = Type.Union((['chat', 'embeddings', 'responses'] as const).map((each) => Type.Literal(each)));

const ModelInfoSchema = Type.Object(
  {
    context_window: Optional(Type.Integer({ minimum: 1, description: 'tokens read and generated together' })),
    max_output_tokens: Optional(Type.Integer({ minimum: 1, description: 'tokens generated at most' })),
    input: Optional(Type.Array(ModalitySchema, { description: 'what it reads' })),
    output: Optional(Type.Array(ModalitySchema, { description: 'what it writes' })),
    tools: Optional(Type.Boolean({ description: 'calls tools' })),
    structured_output: Optional(Type.Boolean({ description: 'answers by a JSON schema' })),
    reasoning: Optional(Type.Boolean({ description: 'thinks before it answers' })),
    sampling: Optional(Type.Boolean({ description: 'takes temperature, top_p and top_k' })),
    operations: Optional(Type.Array(OperationSchema, { description: 'what it can be asked for' })),
  },
  closed,
);
export type ModelInfoConfig = Static<typeof ModelInfoSchema>;

const ApiKeySchema = Type.Object(
  {
    key: Type.String({ secret: true, minLength: 1 }),
    name: Optional(
      Type.String({
        minLength: 1,
        description: 'what it is called in health, metrics and the ledger; absent: its place in the list',
      }),
    ),
    weight: Optional(Type.Number({ minimum: 0, maximum: 1_000_000 })),
  },
  closed,
);
export type ApiKeyConfig = Static<typeof ApiKeySchema>;

/** Asking whether it works, beside the calls of callers. */
const ProbeSchema = Type.Object(
  {
    interval: Duration('between two probes'),
    timeout: Optional(Duration('a probe that takes longer has failed; absent: 5s')),
    ask: Optional(
      Type.Union([Type.Literal('models'), Type.Literal('completion')], {
        description: 'models: the model list, which costs nothing; completion: one token of a target that is out',
      }),
    ),
  },
  closed,
);
export type ProbeConfig = Static<typeof ProbeSchema>;

export const ProviderSchema = Type.Object(
  {
    type: Type.String({ description: 'a registered provider type', minLength: 1 }),
    preset: Optional(Type.String({ description: 'named defaults of the type' })),
    enabled: Optional(Type.Boolean()),
    base_url: Optional(Type.String({ format: 'base-url' })),
    version: Optional(Type.String({ description: 'version segment added to a base URL that has none; "" adds nothing' })),
    api_key: Optional(Type.String({ secret: true })),
    api_keys: Optional(
      Type.Array(ApiKeySchema, { description: 'several keys instead of api_key: calls are spread over those that work' }),
    ),
    accept_client_keys: Optional(
      Type.Boolean({ description: 'callers may send a key of their own for this provider (auth.mode client or hybrid)' }),
    ),
    auth: Optional(Type.Object({ header: Optional(Type.String({ minLength: 1 })), scheme: Optional(Type.String()) }, closed)),
    headers: Optional(Type.Record(Type.String(), Type.String({ secret: true }), { description: 'added to every request' })),
    query: Optional(Type.Record(Type.String(), Type.String({ secret: true }), { description: 'added to every request' })),
    renames: Optional(
      Type.Record(Type.String(), Type.String(), { description: 'top-level body fields sent under another name' }),
    ),
    stream_usage: Optional(Type.Boolean({ description: 'upstream accepts stream_options.include_usage' })),
    operations: Optional(Type.Array(Type.String(), { description: 'chat, embeddings, responses' })),
    models: Optional(Type.Array(Type.String({ minLength: 1 }), { description: 'upstream model ids served' })),
    catalogue: Optional(Type.Boolean({ description: 'fetch the upstream model list in the background' })),
    connections: Optional(Type.Integer({ minimum: 1, description: 'sockets to one origin' })),
    ca_file: Optional(Type.String({ description: 'PEM file with the CA of this provider' })),
    timeouts: Optional(TimeoutOverrides),
    concurrency: Optional(ConcurrencySchema),
    probe: Optional(ProbeSchema),
    unsupported_params: Optional(
      Type.Union([Type.Literal('reject'), Type.Literal('drop')], {
        description: 'fields of a call that the upstream cannot take and that change the answer: refused with 400, or left out',
      }),
    ),
    context_cache: Optional(ContextCacheSchema),
    model_info: Optional(
      Type.Record(Type.String(), ModelInfoSchema, {
        description: 'model id or pattern -> what is known of it, over the built-in data',
      }),
    ),
  },
  closed,
);
export type ProviderConfig = Static<typeof ProviderSchema>;
