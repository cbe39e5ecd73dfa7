import { Type } from '@sinclair/typebox';
import { Maybe } from './nullable.ts';

/** The only body field that is consumed here. Open, so that an option of a later version is a warning and no refusal. */
export const GatewayOptions = Maybe(
  Type.Object(
    {
      require_parameters: Maybe(
        Type.Boolean({ description: 'only targets where every parameter of the request has its effect may answer' }),
      ),
    },
    { additionalProperties: true, description: 'options for this gateway; not sent on' },
  ),
);
