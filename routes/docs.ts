import { hash } from 'node:crypto';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from '@sinclair/typebox';
import type { ApiDocument } from '../plugins/openapi.ts';

export interface DocsOptions {
  /** The document of both listeners; called when it is first asked for, after both are ready. */
  readonly document: () => ApiDocument;
}

const style = `
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1.5rem; }
h1 { margin: 0; } h2 { border-bottom: 1px solid var(--line); margin-top: 2rem; text-transform: capitalize; }
h3 { font-size: 1em; margin: 1rem 0 .25rem; }
code, pre { font: 13px/1.45 ui-monospace, monospace; }
pre { background: var(--soft); overflow: auto; padding: .75rem; max-height: 24rem; }
details { border: 1px solid var(--line); border-radius: 4px; margin: .4rem 0; padding: .4rem .75rem; }
details details { border: 0; padding: .1rem 0 .1rem 1rem; margin: 0; }
summary { cursor: pointer; } .method { display: inline-block; font-weight: 700; min-width: 4rem; }
.quiet { opacity: .7; } ul { padding-left: 1.25rem; margin: .25rem 0; }
`;

const script = `
const root = document.getElementById('operations');
const el = (tag, text, name) => {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (name) node.className = name;
  return node;
};
const typeOf = (schema) => {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(' | ');
  const choices = schema.anyOf || schema.oneOf;
  if (choices) return choices.map(typeOf).join(' | ');
  if (schema.type === 'array') return (schema.items ? typeOf(schema.items) : 'any') + '[]';
  return Array.isArray(schema.type) ? schema.type.join(' | ') : schema.type || 'any';
};
const follow = (schema, api) => {
  let found = schema || {};
  for (let hops = 0; found.$ref && hops < 10; hops++) {
    found = found.$ref.slice(2).split('/').reduce((at, key) => at && at[key], api) || {};
  }
  return found;
};
const fieldsOf = (schema, api) => {
  const found = follow(schema, api);
  if (found.items) return fieldsOf(found.items, api);
  if (found.properties) return [found];
  return (found.anyOf || found.oneOf || found.allOf || []).flatMap((one) => fieldsOf(one, api));
};
const describe = (schema, api, depth) => {
  const list = el('ul');
  for (const one of fieldsOf(schema, api)) {
    for (const [name, raw] of Object.entries(one.properties)) {
      const field = follow(raw, api);
      const required = (one.required || []).includes(name) ? ', required' : '';
      const line = [el('code', name), el('span', '  ' + typeOf(field) + required, 'quiet'), el('span', field.description ? ' \\u2013 ' + field.description : '')];
      const item = el('li');
      if (depth < 6 && fieldsOf(field, api).length > 0) {
        const more = el('details');
        const head = el('summary');
        head.append(...line);
        more.append(head);
        more.addEventListener('toggle', () => more.childElementCount > 1 || more.append(describe(field, api, depth + 1)));
        item.append(more);
      } else item.append(...line);
      list.append(item);
    }
  }
  return list;
};
const body = (title, content, api) => {
  const parts = [];
  for (const [type, media] of Object.entries(content || {})) {
    parts.push(el('h3', title + ' \\u2013 ' + type), describe(media.schema, api, 0));
  }
  return parts;
};
const fill = (box, operation, item, api) => {
  if (operation.description) box.append(el('p', operation.description));
  const servers = item.servers || api.servers || [];
  box.append(el('p', 'Served at ' + servers.map((one) => one.url).join(', '), 'quiet'));
  const schemes = (operation.security || []).map((one) => Object.keys(one)[0]);
  box.append(el('p', schemes.length ? 'Needs one of: ' + schemes.join(', ') : 'Needs no key', 'quiet'));
  if (operation.parameters) {
    box.append(el('h3', 'Parameters'));
    const list = el('ul');
    for (const one of operation.parameters) {
      const item = el('li');
      item.append(el('code', one.name), el('span', ' in ' + one.in + ' ' + (one.description || ''), 'quiet'));
      list.append(item);
    }
    box.append(list);
  }
  if (operation.requestBody) box.append(...body('Request', operation.requestBody.content, api));
  for (const [status, response] of Object.entries(operation.responses || {})) {
    box.append(el('h3', status + ' \\u2013 ' + response.description), ...body('Body', response.content, api));
  }
};
fetch('openapi.json').then((response) => response.json()).then((api) => {
  document.getElementById('about').textContent = api.info.description + ' Version ' + api.info.version + '.';
  const groups = new Map();
  for (const [path, item] of Object.entries(api.paths)) {
    for (const [method, operation] of Object.entries(item)) {
      if (!operation.responses) continue;
      const tag = (operation.tags || ['other'])[0];
      if (!groups.has(tag)) groups.set(tag, []);
      const box = el('details');
      const head = el('summary');
      head.append(el('span', method.toUpperCase(), 'method'), el('code', path), el('span', '  ' + (operation.summary || ''), 'quiet'));
      box.append(head);
      box.addEventListener('toggle', () => box.childElementCount > 1 || fill(box, operation, item, api));
      groups.get(tag).push(box);
    }
  }
  for (const [tag, boxes] of groups) root.append(el('h2', tag), ...boxes);
}).catch((error) => { root.textContent = 'openapi.json could not be read: ' + error.message; });
`;

const page = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Postern API</title><link rel="icon" href="data:,"><style>${style}</style></head>
<body><h1>Postern API</h1><p id="about"></p><p><a href="openapi.json">openapi.json</a></p><main id="operations"></main>
<script>${script}</script></body></html>
`;

const digest = (text: string): string => `'sha256-${hash('sha256', text, 'base64')}'`;

/** The page may run its own script and read the document, and nothing else. */
const policy = [
  "default-src 'none'",
  `script-src ${digest(script)}`,
  `style-src ${digest(style)}`,
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const text = (description: string, type: string) => ({ description, content: { [type]: { schema: Type.String() } } });

/** `GET /openapi.json` and `GET /docs`: a page without anything from elsewhere, so it works without a network. */
export const docsRoutes: FastifyPluginAsyncTypebox<DocsOptions> = async (app, options) => {
  let document: string | null = null;

  app.get(
    '/openapi.json',
    {
      config: { auth: 'public' },
      schema: {
        summary: 'API document',
        tags: ['management'],
        response: {
          200: {
            description: 'OpenAPI 3.1.',
            content: {
              'application/json': {
                // Sent as bytes, which no serialiser touches.
                schema: Type.Unsafe<Buffer>(
                  Type.Object({ openapi: Type.String(), paths: Type.Record(Type.String(), Type.Unknown()) }),
                ),
              },
            },
          },
        },
      },
    },
    async (_request, reply) => {
      document ??= JSON.stringify(options.document());
      return reply.type('application/json; charset=utf-8').send(Buffer.from(document));
    },
  );

  app.get(
    '/docs',
    {
      config: { auth: 'public' },
      schema: {
        summary: 'API documentation',
        tags: ['management'],
        response: { 200: text('A page for people.', 'text/html') },
      },
    },
    async (_request, reply) => {
      void reply.header('content-security-policy', policy).header('x-content-type-options', 'nosniff');
      return reply.type('text/html; charset=utf-8').send(page);
    },
  );
};
