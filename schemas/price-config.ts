import { type Static, Type } from '@sinclair/typebox';
import { closed, Optional } from './config-units.ts';

// One entry of `prices` in the configuration file.

const Rate = (description?: string) =>
  Type.Number({ minimum: 0, maximum: 1_000_000, ...(description === undefined ? {} : { description }) });

/** USD per million units, by kind of quantity. */
const PriceRates = {
  input: Rate('everything read that has no price of its own below'),
  output: Optional(Rate('everything generated, reasoning included')),
  cached: Optional(Rate('read from a cache of the provider')),
  cache_write_5m: Optional(Rate('written to a cache of the provider, for some minutes')),
  cache_write_1h: Optional(Rate('written to it for an hour')),
  cached_audio: Optional(Rate('sound that was read from such a cache')),
  input_audio: Optional(Rate()),
  input_image: Optional(Rate()),
  input_video: Optional(Rate()),
  output_audio: Optional(Rate()),
  output_image: Optional(Rate()),
  output_video: Optional(Rate()),
  web_search: Optional(Rate('searches of the provider; 10 USD per thousand are 10000')),
  cache_storage_hour: Optional(Rate('tokens that the provider stores between calls, times hours')),
};

/** `tiers`: above `above` input tokens the whole request is priced by that tier. */
const PriceEntrySchema = Type.Object(
  {
    ...PriceRates,
    from: Optional(
      Type.String({ format: 'instant', description: 'holds from this day on (UTC); absent: from the beginning of time' }),
    ),
    tiers: Optional(Type.Array(Type.Object({ above: Type.Integer({ minimum: 0 }), ...PriceRates }, closed))),
  },
  closed,
);
export type PriceEntry = Static<typeof PriceEntrySchema>;

/** One entry, or a list of dated ones of which the newest that has begun holds. */
export const PriceSchema = Type.Unsafe<PriceEntry | PriceEntry[]>({ ...PriceEntrySchema, listable: true });
export type PriceConfig = Static<typeof PriceSchema>;
