import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from '@sinclair/typebox';

export interface RootOptions {
  readonly version: string;
}

const RootSchema = Type.Object(
  {
    name: Type.String(),
    version: Type.String(),
    description: Type.String(),
    base_url: Type.String({ description: 'what an OpenAI SDK is given as its base URL' }),
    endpoints: Type.Array(Type.String()),
    management: Type.String({ description: 'where health, metrics and documentation are' }),
  },
  { description: 'What this is and where the rest is.' },
);

/** `GET /` of the API listener. */
export const rootRoute: FastifyPluginAsyncTypebox<RootOptions> = async (app, options) => {
  app.get(
    '/',
    { config: { auth: 'public' }, schema: { summary: 'This listener', tags: ['health'], response: { 200: RootSchema } } },
    async (request) => ({
      name: 'postern',
      version: options.version,
      description: 'An LLM gateway that speaks the OpenAI API.',
      base_url: `${request.protocol}://${request.headers.host ?? 'localhost'}/v1`,
      endpoints: app.inventory
        .filter((route) => route.auth === 'key' && route.method !== 'HEAD' && !route.hidden)
        .map((route) => `${route.method} ${route.url.replace('*', '{id}')}`),
      management: 'health, metrics, the API document and administration are on the management listener (MANAGEMENT_LISTEN)',
    }),
  );
};
