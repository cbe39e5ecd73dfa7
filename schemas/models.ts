import { type Static, Type } from '@sinclair/typebox';

const model = {
  id: Type.String({ description: 'what to send as "model"' }),
  object: Type.Literal('model'),
  created: Type.Integer({ description: 'Unix seconds; 0 when unknown' }),
  owned_by: Type.String(),
};

/** A model as `GET /v1/models` lists it (openai-openapi `Model`). */
export const ModelSchema = Type.Object(model);
export type Model = Static<typeof ModelSchema>;

/** The catalogue, unpaged. */
export const ModelListSchema = Type.Object({ object: Type.Literal('list'), data: Type.Array(ModelSchema) });
export type ModelList = Static<typeof ModelListSchema>;

const Rate = (description: string) => Type.Optional(Type.Number({ description }));
const rates = {
  input: Type.Number({ description: 'everything read that has no price of its own' }),
  output: Rate('everything generated, reasoning included'),
  cached: Rate('read from a cache of the provider'),
  cache_write_5m: Rate('written to such a cache'),
  cache_write_1h: Rate('written to it for an hour'),
  cached_audio: Rate('sound read from such a cache'),
  input_audio: Rate('sound read'),
  input_image: Rate('pictures read'),
  input_video: Rate('video read'),
  output_audio: Rate('sound generated'),
  output_image: Rate('pictures generated'),
  output_video: Rate('video generated'),
  web_search: Rate('searches of the provider'),
  cache_storage_hour: Rate('tokens that the provider stores between calls, times hours'),
};

/** USD per million units at the moment. */
export const PricesSchema = Type.Object(
  {
    ...rates,
    tiers: Type.Optional(
      Type.Array(Type.Object({ above: Type.Integer({ description: 'input tokens' }), ...rates }), {
        description: 'above so many input tokens the whole request has these prices',
      }),
    ),
    source: Type.String({ description: 'config, builtin, sandbox' }),
    version: Type.String({ description: 'of the configuration or of the built-in data' }),
  },
  { description: 'USD per million units, at present' },
);
export type Prices = Static<typeof PricesSchema>;

const Modalities = (description: string) => Type.Optional(Type.Array(Type.String(), { description }));
const Flag = (description: string) => Type.Optional(Type.Boolean({ description }));

/** What is known of a model's limits and abilities; a member that is not there is unknown. */
export const AbilitiesSchema = Type.Object({
  context_window: Type.Optional(Type.Integer({ description: 'tokens read and generated together' })),
  max_output_tokens: Type.Optional(Type.Integer({ description: 'tokens generated at most' })),
  input_modalities: Modalities('what it reads: text, image, audio, video, file'),
  output_modalities: Modalities('what it generates'),
  operations: Modalities('what it can be asked for: chat, embeddings, responses'),
  min_cache_tokens: Type.Optional(Type.Integer({ description: 'prompt prefixes of at least so many tokens can be cached' })),
  capabilities: Type.Optional(
    Type.Object({
      tools: Flag('calls tools'),
      structured_output: Flag('answers by a JSON schema'),
      reasoning: Flag('thinks before it answers'),
      sampling: Flag('takes temperature and its kin'),
    }),
  ),
});

/** One model with all that is known of it. What the official SDKs do not know, they pass on. */
export const ModelDetailSchema = Type.Object({
  ...model,
  ...AbilitiesSchema.properties,
  prices: Type.Optional(
    Type.Union([PricesSchema, Type.Null()], { description: 'null: unknown; absent: not the same at each of `targets`' }),
  ),
  targets: Type.Optional(
    Type.Array(Type.Object({ id: Type.String(), prices: Type.Union([PricesSchema, Type.Null()]) }), {
      description: 'where its requests go, when that is more than one place',
    }),
  ),
});
export type ModelDetail = Static<typeof ModelDetailSchema>;
