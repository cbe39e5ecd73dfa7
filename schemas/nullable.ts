import { type Static, type TSchema, Type } from '@sinclair/typebox';

// Nearly every optional field of the API is nullable, and SDKs do send explicit nulls. `nullable` beside `type` costs one check
// and reports one error, where a union with null reports an error per branch.

/** The schema, or null. `schema` has to have a `type` of its own. */
export const Nullable = <T extends TSchema>(schema: T) => Type.Unsafe<Static<T> | null>({ ...schema, nullable: true });

/** A field that may be absent or null. */
export const Maybe = <T extends TSchema>(schema: T) => Type.Optional(Nullable(schema));

/** A field that may be absent or null and is otherwise an object whose members are the provider's business. */
export const MaybeObject = (description: string) => Maybe(Type.Object({}, { additionalProperties: true, description }));
