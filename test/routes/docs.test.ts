import { hash } from 'node:crypto';
import { runInNewContext } from 'node:vm';
import { Type } from '@sinclair/typebox';
import Fastify, { type FastifyInstance } from 'fastify';
import { expect, test } from 'vitest';
import inventory from '../../plugins/auth/inventory.ts';
import openapi, { type ApiDocument, mergedDocument } from '../../plugins/openapi.ts';
import { docsRoutes } from '../../routes/docs.ts';
import { whenDone } from '../helper/cleanup.ts';
import { startGateway } from '../helper/gateway.ts';

interface Operation {
  readonly parameters?: { name: string; in: string; schema: object }[];
  readonly requestBody?: { content: Record<string, { schema: object }> };
  readonly responses: Record<string, { description: string; content?: Record<string, { schema: object }> }>;
  readonly security: Record<string, unknown>[];
}

const urls = { api: 'http://127.0.0.1:4000', management: 'http://127.0.0.1:4001' };
const answer = { response: { 200: Type.Object({ ok: Type.Boolean() }) } };

async function bare(): Promise<FastifyInstance> {
  const app = Fastify();
  whenDone(() => app.close());
  await app.register(inventory);
  await app.register(openapi, { version: '1.2.3' });
  return app;
}

/** Two small listeners that share `/livez`. */
async function pair(
  extra: (app: FastifyInstance, field: string) => void = () => undefined,
): Promise<{ api: FastifyInstance; management: FastifyInstance; merged: () => ApiDocument }> {
  const [api, management] = [await bare(), await bare()];
  const handler = async () => ({ ok: true });
  const Echo = Type.Object({ text: Type.Union([Type.String(), Type.Null()]) });
  for (const url of ['/v1/echo', '/echo']) api.post(url, { config: { auth: 'key' }, schema: { body: Echo, ...answer } }, handler);
  api.get(
    '/v1/things/*',
    { config: { auth: 'key' }, schema: { params: Type.Object({ '*': Type.String() }), ...answer } },
    handler,
  );
  for (const app of [api, management]) app.get('/livez', { config: { auth: 'public' }, schema: answer }, handler);
  management.get('/admin/v1/x', { config: { auth: 'admin' }, schema: answer }, handler);
  management.get('/hidden', { config: { auth: 'public' }, schema: { hide: true } }, handler);
  extra(api, 'of_api');
  extra(management, 'of_management');
  const merged = () => mergedDocument(api, management, urls);
  await management.register(docsRoutes, { document: merged });
  await api.ready();
  await management.ready();
  return { api, management, merged };
}

const operationOf = (document: ApiDocument, method: string, path: string) => document.paths[path]?.[method] as Operation;

test('openapi registers alone and adds exactly the decorator swagger', async () => {
  const app = Fastify();
  whenDone(() => app.close());
  const before = new Set(Object.getOwnPropertyNames(app));
  await app.register(openapi, { version: '1.2.3' });
  expect(Object.getOwnPropertyNames(app).filter((name) => !before.has(name))).toEqual(['swagger']);
});

test('the document has the paths of both listeners, API paths under /v1 only, none that is hidden', async () => {
  const document = (await pair()).merged();
  expect(Object.keys(document.paths).sort()).toEqual([
    '/admin/v1/x',
    '/docs',
    '/livez',
    '/openapi.json',
    '/v1/echo',
    '/v1/things/{id}',
  ]);
});

test('each path names the listener that serves it, a shared one both', async () => {
  const { paths } = (await pair()).merged();
  const served = (path: string) => paths[path]!.servers!.map((server) => server.url);
  expect(served('/v1/echo')).toEqual([urls.api]);
  expect(served('/admin/v1/x')).toEqual([urls.management]);
  expect(served('/livez')).toEqual([urls.api, urls.management]);
});

test('a path whose reply differs between the listeners documents both forms', async () => {
  const { api, management, merged } = await pair((app, field) => {
    const schema = { response: { 200: Type.Object({ [field]: Type.String() }) } };
    app.get('/', { config: { auth: 'public' }, schema }, async () => ({ [field]: 'x' }));
  });
  expect(api.hasRoute({ method: 'GET', url: '/' }) && management.hasRoute({ method: 'GET', url: '/' })).toBe(true);
  const schema = operationOf(merged(), 'get', '/').responses[200]!.content!['application/json']!.schema;
  expect(schema).toMatchObject({ anyOf: [{ required: ['of_api'] }, { required: ['of_management'] }] });
  expect(operationOf(merged(), 'get', '/livez').responses[200]!.content!['application/json']!.schema).toMatchObject({
    required: ['ok'],
  });
});

test('each operation says what credential it needs', async () => {
  const document = (await pair()).merged();
  const schemes = (method: string, path: string) =>
    operationOf(document, method, path).security.map((one) => Object.keys(one)[0]);
  expect(schemes('post', '/v1/echo')).toEqual(['gatewayKey', 'gatewayKeyHeader', 'gatewayKeyAzure']);
  expect(schemes('get', '/admin/v1/x')).toEqual(['adminKey']);
  expect(schemes('get', '/livez')).toEqual([]);
  const known = Object.keys(document.components!.securitySchemes!);
  expect(known).toEqual(expect.arrayContaining(['gatewayKey', 'gatewayKeyHeader', 'gatewayKeyAzure', 'adminKey']));
});

test('a wildcard parameter has a name that OpenAPI takes', async () => {
  const operation = operationOf((await pair()).merged(), 'get', '/v1/things/{id}');
  expect(operation.parameters).toMatchObject([{ name: 'id', in: 'path', required: true }]);
});

test('every operation documents the error envelope', async () => {
  const document = (await pair()).merged();
  expect(operationOf(document, 'post', '/v1/echo').responses.default).toBeDefined();
  expect(document.components!.schemas).toHaveProperty('ErrorEnvelope');
});

test('G6: an operation documents the failures of asking for a credential and of checking what was sent', async () => {
  const { managementUrl } = await startGateway();
  const document = (await (await fetch(`${managementUrl}/openapi.json`)).json()) as ApiDocument;
  const failures = (method: string, path: string) =>
    Object.keys(operationOf(document, method, path).responses).filter((status) => /^4/.test(status));
  expect(failures('post', '/v1/embeddings')).toEqual(['400', '401', '403', '404', '409', '413', '415', '429']);
  expect(failures('get', '/v1/models')).toEqual(['401', '429']);
  expect(failures('get', '/v1/models/{id}')).toEqual(['400', '401', '404', '429']);
  expect(failures('get', '/admin/v1/models')).toEqual(['400', '401', '403', '404', '429']);
  expect(failures('get', '/livez')).toEqual([]);
});

test('the document is served as JSON', async () => {
  const { management, merged } = await pair();
  const reply = await management.inject('/openapi.json');
  expect(reply.headers['content-type']).toContain('application/json');
  expect(reply.json()).toEqual(JSON.parse(JSON.stringify(merged())));
});

test('nothing is built before the document is asked for', async () => {
  const app = await bare();
  let built = 0;
  const document = { openapi: '3.1.0', info: { title: 't', version: '1' }, paths: {} };
  await app.register(docsRoutes, {
    document() {
      built++;
      return document;
    },
  });
  await app.ready();
  await app.inject('/docs');
  expect(built).toBe(0);
  await app.inject('/openapi.json');
  await app.inject('/openapi.json');
  expect(built).toBe(1);
});

test('the page fetches nothing from elsewhere and may not', async () => {
  const reply = await (await pair()).management.inject('/docs');
  expect(reply.headers['content-type']).toContain('text/html');
  expect(reply.body).not.toMatch(/https?:\/\/|(src|href)="(?!data:|openapi\.json)/);
  expect(reply.headers['content-security-policy']).toMatch(/^default-src 'none'; /);
});

test('the script and style of the page are the ones its policy allows', async () => {
  const reply = await (await pair()).management.inject('/docs');
  const policy = String(reply.headers['content-security-policy']);
  for (const tag of ['script', 'style']) {
    const text = new RegExp(`<${tag}>([\\s\\S]*)</${tag}>`).exec(reply.body)![1]!;
    expect(policy).toContain(`${tag}-src 'sha256-${hash('sha256', text, 'base64')}'`);
  }
});

test('security 27: the page puts text into the document, never markup', async () => {
  const { body } = await (await pair()).management.inject('/docs');
  expect(body).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(/);
});

/** As much of a document as the page's script touches. */
class Node {
  textContent = '';
  className = '';
  readonly children: Node[] = [];
  readonly listeners: (() => void)[] = [];
  get childElementCount(): number {
    return this.children.length;
  }
  append(...nodes: Node[]): void {
    this.children.push(...nodes);
  }
  addEventListener(_event: string, listener: () => void): void {
    this.listeners.push(listener);
  }
  /** Text of everything below, with every fold opened. */
  text(): string {
    for (const listener of this.listeners) listener();
    return [this.textContent, ...this.children.map((child) => child.text())].join(' ');
  }
}

test('the page shows every operation of the gateway with its fields, unfolded without an error', async () => {
  const { managementUrl } = await startGateway();
  const document = (await (await fetch(`${managementUrl}/openapi.json`)).json()) as ApiDocument;
  const page = await (await fetch(`${managementUrl}/docs`)).text();
  const nodes = new Map<string, Node>();
  const byId = (id: string) => nodes.get(id) ?? nodes.set(id, new Node()).get(id)!;
  runInNewContext(/<script>([\s\S]*)<\/script>/.exec(page)![1]!, {
    document: { getElementById: byId, createElement: () => new Node() },
    fetch: async () => ({ json: async () => document }),
  });
  await expect.poll(() => byId('operations').children.length).toBeGreaterThan(0);
  const text = byId('operations').text();
  for (const path of Object.keys(document.paths)) expect(text).toContain(path);
  expect(text).toContain('messages');
});

test('every route of both listeners is in the document, with request and response schemas', async () => {
  const { gateway, managementUrl } = await startGateway();
  const document = (await (await fetch(`${managementUrl}/openapi.json`)).json()) as ApiDocument;
  const routes = [...gateway.api.inventory, ...gateway.management.inventory].filter(
    (route) => route.method !== 'HEAD' && !route.hidden,
  );
  expect(routes.length).toBeGreaterThan(12);
  for (const route of routes) {
    const name = `${route.method} ${route.url}`;
    const path = route.url.replace(/\/\*$/, '/{id}').replace(/:(\w+)/g, '{$1}');
    const operation = operationOf(document, route.method.toLowerCase(), path);
    expect(operation, name).toBeDefined();
    if (route.method === 'POST')
      expect(Object.values(operation.requestBody?.content ?? {})[0]?.schema, name).toHaveProperty('type');
    const success = Object.entries(operation.responses).find(([status]) => status.startsWith('2'));
    if (success?.[0] === '204') continue;
    expect(Object.keys(Object.values(success?.[1].content ?? {})[0]?.schema ?? {}), name).not.toEqual([]);
  }
});

test('the document is a well-formed OpenAPI 3.1 document', async () => {
  const { managementUrl } = await startGateway();
  const document = (await (await fetch(`${managementUrl}/openapi.json`)).json()) as ApiDocument;
  expect(document.openapi).toMatch(/^3\.1\.\d$/);
  expect(document.info).toMatchObject({ title: expect.any(String), version: expect.any(String) });
  for (const [path, item] of Object.entries(document.paths)) {
    expect(path).toMatch(/^\/[A-Za-z0-9_\-./{}]*$/);
    for (const [method, value] of Object.entries(item)) {
      if (method === 'servers') continue;
      expect(method).toMatch(/^(get|put|post|delete|patch|options|head|trace)$/);
      const operation = value as Operation;
      expect(
        Object.keys(operation.responses).every((status) => /^([1-5]\d\d|default)$/.test(status)),
        path,
      ).toBe(true);
      for (const response of Object.values(operation.responses)) expect(typeof response.description).toBe('string');
      const inPath = (operation.parameters ?? []).filter((each) => each.in === 'path').map((each) => each.name);
      expect(inPath.sort(), path).toEqual([...path.matchAll(/\{([^}]+)\}/g)].map((match) => match[1]).sort());
    }
  }
  const text = JSON.stringify(document);
  for (const [, reference] of text.matchAll(/"\$ref":"([^"]+)"/g)) {
    const target = reference!
      .slice(2)
      .split('/')
      .reduce<unknown>((at, key) => (at as Record<string, unknown>)?.[key], document);
    expect(target, reference).toBeDefined();
  }
});
