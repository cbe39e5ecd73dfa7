import { randomUUID } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';

const reads: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What an admin route does, for the audit log (`key.create`); absent: its method and path. */
    action?: string;
  }
  interface FastifyRequest {
    /** Id of what an admin request made, where its path names nothing; for the audit log. */
    auditTarget: string | null;
  }
}

/** The parameters of the matched path name what was acted on; the query and the body may hold secrets and are left out. */
function targetOf(request: FastifyRequest): string | null {
  if (request.auditTarget !== null) return request.auditTarget;
  const values = Object.values((request.params ?? {}) as Record<string, string>);
  return values.length === 0 ? null : values.join('/');
}

/** The caller's `x-request-id` where it is well-formed, else a new one; for correlation only. */
export function requestIdOf(request: FastifyRequest): string {
  const asked = request.headers['x-request-id'];
  return typeof asked === 'string' && /^[A-Za-z0-9_-]{1,64}$/.test(asked) ? asked : randomUUID();
}

/**
 * Writes one line when the response of an authenticated admin request has closed, delivered or not: changes at level info,
 * reads at debug. Not an onResponse hook: that one is silent when the client leaves early.
 */
export function audit(request: FastifyRequest, reply: FastifyReply, requestId: string): void {
  const level = reads.has(request.method) ? 'debug' : 'info';
  const { id, name, role, team } = request.adminScope;
  reply.raw.once('close', () => {
    const { statusCode } = reply.raw;
    request.log[level](
      {
        audit: true,
        who: name,
        ...(id === null ? {} : { admin_key: id, role, team }),
        action: request.routeOptions.config.action ?? `${request.method} ${request.routeOptions.url}`,
        target: targetOf(request),
        outcome: statusCode < 400 ? 'ok' : 'failed',
        status: statusCode,
        delivered: reply.raw.writableFinished,
        request_id: requestId,
      },
      'admin request',
    );
  });
}
