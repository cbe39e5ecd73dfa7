import { type Static, type TSchema, Type } from '@sinclair/typebox';

// Building blocks of the configuration's schema.

/** A duration with a unit in the file (`500ms`, `2s`, `5m`, `1h`, `7d`); integer milliseconds in the snapshot. */
export const Duration = (description: string) => Type.Unsafe<number>({ type: 'string', format: 'duration', description });

/** A size with a unit in the file (`512B`, `16KiB`, `32MiB`, `1GB`); integer bytes in the snapshot. */
export const Size = (description: string) => Type.Unsafe<number>({ type: 'string', format: 'size', description });

export const closed = { additionalProperties: false } as const;
export const Optional = <T extends TSchema>(schema: T) => Type.Optional(schema);

export const TimeoutsSchema = Type.Object(
  {
    connect: Duration('TCP and TLS connect, per attempt'),
    first_byte: Duration('request sent until response headers, per attempt'),
    first_content: Duration('request sent until the first model content, per attempt'),
    idle: Duration('between two events of a stream'),
    total: Duration('one deadline over all attempts of an exchange'),
    min_rate: Type.Number({
      minimum: 0,
      description: 'characters of content per second, over min_rate_window; slower is cut; 0 = off',
    }),
    min_rate_window: Duration('time over which min_rate holds'),
  },
  closed,
);
export type Timeouts = Static<typeof TimeoutsSchema>;
export const TimeoutOverrides = Type.Partial(TimeoutsSchema);
