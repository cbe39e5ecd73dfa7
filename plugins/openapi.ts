import swagger from '@fastify/swagger';
import type { FastifyInstance, FastifySchema, RouteOptions } from 'fastify';
import fp from 'fastify-plugin';
import { ErrorEnvelopeSchema } from '../schemas/error.ts';
import type { AuthClass } from './auth/inventory.ts';

/** The parts of an OpenAPI 3.1 document this file touches. */
export interface ApiDocument {
  openapi: string;
  info: { title: string; version: string; description?: string };
  servers?: { url: string; description?: string }[];
  paths: Record<string, PathItem>;
  components?: { schemas?: Record<string, unknown>; securitySchemes?: Record<string, unknown> };
  tags?: { name: string; description?: string }[];
}

interface PathItem {
  servers?: { url: string; description?: string }[];
  [method: string]: unknown;
}

type SecurityScheme =
  | { type: 'http'; scheme: string; description: string }
  | { type: 'apiKey'; in: 'header'; name: string; description: string };

interface Operation {
  security?: Record<string, unknown>[];
  parameters?: unknown[];
  requestBody?: unknown;
  responses?: Record<string, { content?: Record<string, { schema?: unknown }> }>;
}

/** Where each listener is reached, for `servers`; the API's without `/v1`. */
export interface ListenerUrls {
  readonly api: string;
  readonly management: string;
}

const security: Readonly<Record<AuthClass, object[]>> = {
  key: [{ gatewayKey: [] }, { gatewayKeyHeader: [] }, { gatewayKeyAzure: [] }],
  admin: [{ adminKey: [] }],
  public: [],
};

const securitySchemes: Record<string, SecurityScheme> = {
  gatewayKey: { type: 'http', scheme: 'bearer', description: 'A gateway key.' },
  gatewayKeyHeader: { type: 'apiKey', in: 'header', name: 'x-api-key', description: 'A gateway key.' },
  gatewayKeyAzure: { type: 'apiKey', in: 'header', name: 'api-key', description: 'A gateway key.' },
  adminKey: { type: 'http', scheme: 'bearer', description: 'The value of ADMIN_API_KEY, or an admin key made with it.' },
};

const failing = (description: string) => ({
  description,
  content: { 'application/json': { schema: { $ref: '#/components/schemas/ErrorEnvelope' } } },
});

const failure = failing('Any failure, in one envelope.');

/** What asking for a credential adds to the answers of an operation, by the name of a scheme it takes. */
const failuresOfAuth: Readonly<Record<string, object>> = {
  gatewayKey: {
    401: failing('No key, or none that is known.'),
    429: failing('Too many wrong keys from this address; see Retry-After.'),
    503: failing('The gateway has too much to do, or is shutting down; see Retry-After.'),
  },
  adminKey: {
    401: failing('No admin key.'),
    403: failing('The admin key may not do this.'),
    404: failing('The admin API is off: no admin key is set.'),
    429: failing('Too many wrong keys from this address; see Retry-After.'),
  },
};

/**
 * Collects the routes of one listener for the API document (`app.swagger()`, from @fastify/swagger). Nothing is built before
 * it is asked for: start-up pays 15 ms for loading the library, the first request 25 ms. Register it before the routes.
 */
export default fp<{ readonly version: string }>(
  async (app, options) => {
    await app.register(swagger, {
      openapi: { openapi: '3.1.0', info: { title: 'Postern', version: options.version }, components: { securitySchemes } },
      stripBasePath: false,
      convertConstToEnum: false,
      transform: ({ schema, url, route }) => ({ schema: described(schema, route), url }),
    });
  },
  { name: 'openapi', fastify: '5.x' },
);

function described(schema: FastifySchema | undefined, route: RouteOptions): FastifySchema {
  const auth: AuthClass = route.config?.auth ?? 'key';
  return { ...schema, security: security[auth] as { [name: string]: string[] }[] };
}

/** `/v1/models/{*}` as the router writes a wildcard: an OpenAPI parameter needs a name. */
function named(path: string, item: PathItem): [string, PathItem] {
  if (!path.endsWith('/{*}')) return [path, item];
  return [path.replace('{*}', '{id}'), JSON.parse(JSON.stringify(item).replaceAll('"name":"*"', '"name":"id"')) as PathItem];
}

/** Aliases of `/v1` paths are the same routes again. */
const isApiPath = (path: string): boolean => path.startsWith('/v1/') || path === '/livez' || path === '/readyz' || path === '/';

/**
 * One OpenAPI 3.1 document of both listeners, to be called once they are ready. API routes are listed under `/v1` only; a
 * path that both listeners serve is listed once, with both servers.
 */
export function mergedDocument(api: FastifyInstance, management: FastifyInstance, urls: ListenerUrls): ApiDocument {
  const own = management.swagger() as unknown as ApiDocument;
  const served = api.swagger() as unknown as ApiDocument;
  const apiServer = { url: urls.api, description: 'API listener' };
  const managementServer = { url: urls.management, description: 'Management listener' };
  const paths: Record<string, PathItem> = {};
  for (const [written, each] of Object.entries(served.paths)) {
    const [path, item] = named(written, each);
    if (isApiPath(path)) paths[path] = complete(item, [apiServer]);
  }
  for (const [written, each] of Object.entries(own.paths)) {
    const [path, item] = named(written, each);
    const shared = paths[path];
    if (shared === undefined) paths[path] = complete(item, [managementServer]);
    else paths[path] = complete(bothListeners(shared, item), [apiServer, managementServer]);
  }
  const { $id: _, ...errorEnvelope } = ErrorEnvelopeSchema;
  return {
    openapi: '3.1.0',
    info: {
      ...own.info,
      description: 'An LLM gateway: the OpenAI API in front of every model provider. Paths below /v1 are on the API listener.',
    },
    servers: [apiServer, managementServer],
    paths,
    components: {
      schemas: { ...served.components?.schemas, ...own.components?.schemas, ErrorEnvelope: errorEnvelope },
      securitySchemes,
    },
  };
}

/** An operation of the API listener that the management listener has as well: its replies are of either form. */
function bothListeners(api: PathItem, management: PathItem): PathItem {
  const merged = structuredClone(management);
  for (const [method, operation] of Object.entries(merged)) {
    for (const [status, response] of Object.entries((operation as Operation).responses ?? {})) {
      for (const [type, media] of Object.entries(response.content ?? {})) {
        const other = (api[method] as Operation | undefined)?.responses?.[status]?.content?.[type]?.schema;
        if (other !== undefined && JSON.stringify(other) !== JSON.stringify(media.schema))
          media.schema = { anyOf: [other, media.schema] };
      }
    }
  }
  return merged;
}

/** With its servers, and the failures that come of what every such operation has. */
function complete(item: PathItem, servers: { url: string; description?: string }[]): PathItem {
  const operations = Object.entries(item).map(([method, operation]) => {
    const { responses, ...rest } = operation as Operation;
    return [method, { ...rest, responses: { ...failuresOf(rest), ...responses, default: responses?.default ?? failure } }];
  });
  return { ...Object.fromEntries(operations), servers };
}

function failuresOf({ security, parameters, requestBody }: Operation): object {
  const takesValues = requestBody !== undefined || (parameters ?? []).length > 0;
  return {
    ...(takesValues ? { 400: failing('The request is not valid; `param` names the field.') } : {}),
    ...(requestBody === undefined ? {} : { 415: failing('The body is not UTF-8 JSON, does not say so, or is compressed.') }),
    ...Object.assign({}, ...(security ?? []).map((one) => failuresOfAuth[Object.keys(one)[0] ?? ''])),
  };
}
