import type { FastifyRequest } from 'fastify';
import { PermissionError } from '../errors/index.ts';

/** `full`: everything. `read`: looks at everything and changes nothing. `team`: the keys of one team. */
export type AdminRole = 'full' | 'read' | 'team';

/** Who asks, on a route whose `config.auth` is `admin`. */
export interface AdminScope {
  /** `admin_…`; null for the key of the configuration (ADMIN_API_KEY). */
  readonly id: string | null;
  /** For the audit log. */
  readonly name: string;
  readonly role: AdminRole;
  /** `team_…`: nothing of other teams may be shown or changed. Null: all teams. Never null for the role `team`. */
  readonly team: string | null;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Takes admin keys of one team too: the route holds every answer and change against `request.adminScope.team` itself. */
    teamScoped?: boolean;
  }
  interface FastifyRequest {
    /** Set on routes whose `config.auth` is `admin`; null on others. */
    adminScope: AdminScope;
  }
}

/** The holder of ADMIN_API_KEY. */
export const fullScope: AdminScope = Object.freeze({ id: null, name: 'admin', role: 'full', team: null });

const reads: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Throws `PermissionError` when an admin key may not use the matched route at all. */
export function checkScope({ role, team }: AdminScope, request: FastifyRequest): void {
  if (role === 'read' && !reads.has(request.method)) {
    throw new PermissionError('This admin key may only read. Use one that may change things, or ADMIN_API_KEY.', 'read_only_key');
  }
  if (team !== null && request.routeOptions.config.teamScoped !== true) {
    throw new PermissionError('This admin key is for one team; this is about all of them. Use ADMIN_API_KEY.', 'team_key');
  }
}
