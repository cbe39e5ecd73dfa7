import { type Static, Type } from '@sinclair/typebox';

/** The one form every failure has, here and at OpenAI: all four keys are always there. */
export const ErrorEnvelopeSchema = Type.Object(
  {
    error: Type.Object({
      message: Type.String({ description: 'what is wrong, where, and what to do' }),
      type: Type.String({ description: 'invalid_request_error, rate_limit_error, server_error, …' }),
      param: Type.Union([Type.String(), Type.Null()], { description: 'the field at fault' }),
      code: Type.Union([Type.String(), Type.Null()], { description: 'stable, for programs' }),
    }),
  },
  { description: 'An error' },
);
export type ErrorEnvelope = Static<typeof ErrorEnvelopeSchema>;
