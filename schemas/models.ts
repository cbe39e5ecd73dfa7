import { type Static, Type } from '@sinclair/typebox';

/** A model as `GET /v1/models` lists it (openai-openapi `Model`). */
export const ModelSchema = Type.Object({
  id: Type.String({ description: 'what to send as "model"' }),
  object: Type.Literal('model'),
  created: Type.Integer({ description: 'Unix seconds; 0 when unknown' }),
  owned_by: Type.String(),
});
export type Model = Static<typeof ModelSchema>;

/** The catalogue, unpaged. */
export const ModelListSchema = Type.Object({ object: Type.Literal('list'), data: Type.Array(ModelSchema) });
export type ModelList = Static<typeof ModelListSchema>;
