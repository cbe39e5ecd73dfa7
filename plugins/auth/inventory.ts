import fp from 'fastify-plugin';

/** Who may call a route: holders of a gateway key, holders of the admin key, everyone. */
export type AuthClass = 'key' | 'admin' | 'public';

/** One registered route. */
export interface InventoryEntry {
  readonly method: string;
  readonly url: string;
  readonly auth: AuthClass;
  /** Left out of the API document. */
  readonly hidden: boolean;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Required on every route; a route without it does not register. */
    auth?: AuthClass;
  }
  interface FastifyInstance {
    /** Every route of this listener in order of registration; complete once the instance is ready. */
    inventory: readonly InventoryEntry[];
  }
}

const classes: ReadonlySet<unknown> = new Set<AuthClass>(['key', 'admin', 'public']);

/**
 * Refuses any route that does not say who may call it, at registration, and lists the others. Has to be registered before
 * the first route. The one exception is the `OPTIONS *` route of CORS, which answers preflights and nothing else.
 */
export default fp(
  async (app) => {
    const inventory: InventoryEntry[] = [];
    app.decorate('inventory', inventory);
    app.addHook('onRoute', (route) => {
      const methods = [route.method].flat();
      const preflight = route.url === '*' && methods.every((method) => method === 'OPTIONS');
      if (preflight) route.config = { ...route.config, auth: 'public' };
      const auth = route.config?.auth;
      if (!classes.has(auth)) {
        throw new Error(
          `${methods.join(', ')} ${route.url} does not say who may call it: set config.auth to 'key', 'admin' or 'public'.`,
        );
      }
      for (const method of methods) {
        inventory.push({ method, url: route.url, auth: auth as AuthClass, hidden: preflight || isHidden(route.schema) });
      }
    });
  },
  { name: 'inventory', fastify: '5.x' },
);

/** `hide` is how a schema keeps its route out of the API document. */
const isHidden = (schema: unknown): boolean => (schema as { hide?: boolean } | undefined)?.hide === true;
