import { type TSchema, Type } from '@sinclair/typebox';
import { ErrorEnvelopeSchema } from '../../schemas/error.ts';

// How the inference routes describe what they answer. Provider-shaped replies are documented by these schemas and never
// serialised by them: a serialiser would drop the fields it does not know.

const error = (description: string): object => ({
  description,
  content: { 'application/json': { schema: ErrorEnvelopeSchema } },
});

/** What every inference route can answer beside its result. */
export const errorResponses = {
  400: error('The request is not valid; `param` names the field.'),
  401: error('No key, or none that is known.'),
  403: error('The key may not use this model, or not set this option of `gateway`.'),
  404: error('The model does not exist.'),
  409: error('A call with the same `idempotency-key` is under way; see Retry-After.'),
  413: error('The body is too large.'),
  429: error("The caller's or the provider's rate limit; see Retry-After."),
  502: error('The provider broke.'),
  503: error('No provider can take the request now; see Retry-After.'),
  504: error('The provider did not answer in time.'),
};

export function providerShaped(schema: TSchema, streams = true): object {
  const json = { 'application/json': { schema } };
  const events = { 'text/event-stream': { schema: Type.String({ description: 'server-sent events' }) } };
  return { description: 'The answer, as the provider gave it.', content: streams ? { ...json, ...events } : json };
}
