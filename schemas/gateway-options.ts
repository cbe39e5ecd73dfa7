import { type Static, Type } from '@sinclair/typebox';
import { Maybe } from './nullable.ts';

const names = (description: string) => Maybe(Type.Array(Type.String({ minLength: 1 }), { maxItems: 50, description }));

/** The only body field that is consumed here. Open, so that an option of a later version is a warning and no refusal. */
export const GatewayOptionsSchema = Type.Object(
  {
    require_parameters: Maybe(
      Type.Boolean({ description: 'only targets where every parameter of the request has its effect may answer' }),
    ),
    order: names('providers, or targets as `provider/model`, to be asked first, in this order'),
    only: names('providers or targets that may answer'),
    ignore: names('providers or targets that may not answer'),
    fallbacks: names('models tried when every target of the model is out'),
    max_price: Maybe(
      Type.Object(
        {
          input: Maybe(Type.Number({ minimum: 0, description: 'USD per million input tokens' })),
          output: Maybe(Type.Number({ minimum: 0, description: 'USD per million output tokens' })),
        },
        { additionalProperties: false, description: 'targets that cost more, or whose price is unknown, may not answer' },
      ),
    ),
    timeout: Maybe(Type.String({ description: 'total time allowed, with a unit: `30s`; as the header x-postern-timeout' })),
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
