import { type Static, Type } from '@sinclair/typebox';
import { Maybe } from './nullable.ts';

const name = Type.String({ minLength: 1, maxLength: 512 });
const names = (description: string, bounds: { minItems?: number; maxItems?: number } = {}) =>
  Maybe(Type.Array(name, { maxItems: 50, ...bounds, description }));

/** Models a call may name beside its own: each may cost a search for its name. */
const mostFallbacks = 5;

/** The only body field that is consumed here. Open, so that an option of a later version is a warning and no refusal. */
export const GatewayOptionsSchema = Type.Object(
  {
    require_parameters: Maybe(
      Type.Boolean({ description: 'only targets where every parameter of the request has its effect may answer' }),
    ),
    order: names('providers, or targets as `provider/model`, to be asked first, in this order'),
    only: names('providers, or targets as `provider/model`: no other may answer', { minItems: 1 }),
    ignore: names('providers, or targets as `provider/model`, that may not answer'),
    fallbacks: names('models tried in this order when every target of the model is out', { maxItems: mostFallbacks }),
    max_price: Maybe(
      Type.Object(
        {
          input: Maybe(Type.Number({ minimum: 0, description: 'USD per million input tokens' })),
          output: Maybe(Type.Number({ minimum: 0, description: 'USD per million output tokens' })),
        },
        { additionalProperties: false, description: 'targets that cost more now, or whose price is unknown, may not answer' },
      ),
    ),
    timeout: Maybe(
      Type.String({
        description:
          'total time allowed, with a unit: `30s`; the shorter of this, the header x-postern-timeout and the configured total holds',
      }),
    ),
    explain: Maybe(Type.Boolean({ description: 'the answer says in `gateway.decision` why its target was chosen' })),
  },
  { additionalProperties: true, description: 'options for this gateway; not sent on' },
);
export const GatewayOptions = Maybe(GatewayOptionsSchema);
export type GatewayOptionsBody = Static<typeof GatewayOptionsSchema>;

/** Names of the options a key may be allowed. */
export const gatewayOptions = [
  'require_parameters',
  'order',
  'only',
  'ignore',
  'fallbacks',
  'max_price',
  'timeout',
  'explain',
] as const satisfies readonly (keyof typeof GatewayOptionsSchema.properties)[];
export type GatewayOption = (typeof gatewayOptions)[number];
