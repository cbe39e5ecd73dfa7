import { createRequire } from 'node:module';

// Building a gateway is for two thirds the compiling of its schemas: 130 ms, the same result every time. Many tests of a file build one
// of their own, so what Fastify's compilers make is kept for the process. They ask for these modules when an instance is made.

interface Route {
  readonly schema: unknown;
}
type Compile = (route: Route) => unknown;
type Factory = (externalSchemas: unknown, options: unknown) => Compile;
type Selector = (...args: unknown[]) => Factory;

const ofFastify = createRequire(createRequire(import.meta.url).resolve('fastify'));

/** By everything that JSON can say of what a function is made from; functions among the options are those of one process. */
function remembering(name: string): void {
  const path = ofFastify.resolve(name);
  const select = ofFastify(path) as Selector;
  const known = new Map<string, unknown>();
  const selector: Selector = (...args) => {
    const factory = select(...args);
    return (externalSchemas, options) => {
      const compile = factory(externalSchemas, options);
      const context = JSON.stringify([args, externalSchemas, options]);
      const compiled: Compile = (route) => {
        const key = context + JSON.stringify(route.schema);
        if (!known.has(key)) known.set(key, compile(route));
        return known.get(key);
      };
      return Object.assign(compiled, compile);
    };
  };
  const module = ofFastify.cache[path];
  if (module !== undefined) module.exports = Object.assign(selector, select);
}

remembering('@fastify/ajv-compiler');
remembering('@fastify/fast-json-stringify-compiler');
