import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from '@sinclair/typebox';

export interface ManagementRootOptions {
  readonly version: string;
  /** Base URL of the API listener with `/v1`, for whoever came to the wrong port. */
  readonly apiUrl: () => string;
}

const RootSchema = Type.Object(
  {
    name: Type.String(),
    version: Type.String(),
    description: Type.String(),
    api: Type.String({ description: 'base URL for clients' }),
    admin_api: Type.Union([Type.Literal('on'), Type.Literal('off')], { description: 'off until ADMIN_API_KEY is set' }),
    paths: Type.Array(Type.String(), { description: 'method and path' }),
  },
  { description: 'What this listener is and serves.' },
);

/** `GET /` of the management listener. */
export const managementRootRoutes: FastifyPluginAsyncTypebox<ManagementRootOptions> = async (app, options) => {
  app.get(
    '/',
    {
      config: { auth: 'public' },
      schema: { summary: 'This listener', tags: ['management'], response: { 200: RootSchema } },
    },
    async () => ({
      name: 'postern',
      version: options.version,
      description: 'Management listener of an LLM gateway: health, metrics, administration and the API document.',
      api: options.apiUrl(),
      admin_api: app.admin.enabled ? ('on' as const) : ('off' as const),
      paths: app.inventory
        .filter((route) => route.method !== 'HEAD' && !route.hidden && (route.auth !== 'admin' || app.admin.enabled))
        .map((route) => `${route.method} ${route.url}`),
    }),
  );
};
