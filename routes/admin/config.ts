import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from '@sinclair/typebox';
import { redact } from '../../plugins/admin/redact.ts';
import { AdminConfigSchema } from '../../schemas/admin.ts';
import { type Config, ConfigSchema } from '../../schemas/config.ts';

/** The configuration in force and where it came from. */
export interface ConfigSnapshot {
  readonly config: Config;
  /** Changes whenever `config` does: at most 64 characters of `[A-Za-z0-9._-]`. */
  readonly version: string;
  /** Unix milliseconds. */
  readonly loadedAt: number;
  readonly files: readonly string[];
  /** Path of a setting (`server.listen`) -> file and line, variable or layer. Never a value. */
  readonly origins: Readonly<Record<string, string>>;
}

export interface AdminConfigOptions {
  readonly snapshot: () => ConfigSnapshot;
}

/** RFC 9110 §13.1.2: a list of entity tags compared weakly, or `*`. */
function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(',').some((each) => each.trim() === '*' || each.trim().replace(/^W\//, '') === etag);
}

/** `GET /admin/v1/config`. */
export const adminConfigRoutes: FastifyPluginAsyncTypebox<AdminConfigOptions> = async (app, options) => {
  app.get(
    '/admin/v1/config',
    {
      config: { auth: 'admin', action: 'config.read' },
      schema: {
        summary: 'Configuration in force',
        description: 'With every secret redacted, and where each setting came from. `If-None-Match` with the ETag answers 304.',
        tags: ['admin'],
        headers: Type.Object({ 'if-none-match': Type.Optional(Type.String()) }),
        response: { 200: AdminConfigSchema, 304: Type.Null({ description: 'Unchanged.' }) },
      },
    },
    async (request, reply) => {
      const { config, version, loadedAt, files, origins } = options.snapshot();
      const etag = `"${version}"`;
      void reply.header('etag', etag).header('cache-control', 'no-store');
      // Not null, which would be serialised: the 304 said content-length 4.
      if (matches(request.headers['if-none-match'], etag)) return reply.code(304).send(undefined as unknown as null);
      return {
        version,
        loaded_at: Math.floor(loadedAt / 1000),
        files: [...files],
        data: redact(ConfigSchema, config) as Record<string, unknown>,
        origins: { ...origins },
      };
    },
  );
};
