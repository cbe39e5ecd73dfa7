import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from '@sinclair/typebox';
import { paginate } from '../../plugins/admin/cursor.ts';
import { etagOf } from '../../plugins/admin/etag.ts';
import type { AdminScope } from '../../plugins/admin/scope.ts';
import { NotFoundError } from '../../plugins/errors/index.ts';
import type { Identity, KeyInfo } from '../../plugins/identity/index.ts';
import {
  type KeyBody,
  KeyListSchema,
  KeyPatchSchema,
  KeyQuerySchema,
  KeySchema,
  MadeKeySchema,
  NewKeySchema,
  RotationSchema,
} from '../../schemas/admin-keys.ts';
import { IdParamsSchema, IfMatchSchema, policyFailures } from '../../schemas/admin-policy.ts';
import { type Standing, usageOf } from './standing.ts';

export interface AdminKeysOptions {
  readonly identity: Pick<Identity, 'keys' | 'key' | 'teams' | 'changes'>;
  /** Absent: nothing is shown of it. */
  readonly standing?: Standing;
  /** Whether callers are asked for these keys now; one that is made while they are not is answered with a warning. Default: they are. */
  readonly askedFor?: boolean;
}

const copy = <T>(list: readonly T[] | null): T[] | null => (list === null ? null : [...list]);

function statusOf(key: KeyInfo): KeyBody['status'] {
  if (key.disabled) return 'disabled';
  if (key.expiresAt !== null && key.expiresAt * 1000 <= Date.now()) return 'expired';
  return key.orphaned ? 'team_missing' : 'active';
}

function shown(key: KeyInfo): KeyBody {
  const { attributes, principal } = key;
  return {
    id: key.id,
    name: key.name,
    team: key.team,
    source: key.source,
    status: statusOf(key),
    hint: key.hint,
    models: copy(attributes.models),
    providers: copy(attributes.providers),
    options: copy(attributes.options),
    rate_limits: attributes.rateLimits,
    budgets: [...attributes.budgets],
    metadata: attributes.metadata,
    log: attributes.log,
    disabled: key.disabled,
    effective: { models: copy(principal.models), providers: copy(principal.providers) },
    created_at: key.createdAt,
    updated_at: key.updatedAt,
    created_by: key.createdBy,
    expires_at: key.expiresAt,
    previous_secret_until: key.previousUntil !== null && key.previousUntil * 1000 > Date.now() ? key.previousUntil : null,
  };
}

const Gone = Type.Null({ description: 'It is gone.' });
const changeable = { tags: ['admin'], params: IdParamsSchema, headers: IfMatchSchema };

/** `/admin/v1/keys`. */
export const adminKeyRoutes: FastifyPluginAsyncTypebox<AdminKeysOptions> = async (
  app,
  { identity, standing, askedFor = true },
) => {
  const { changes } = identity;

  /** Throws 404, also for a key of a team that is not the admin's. */
  function found(id: string, scope: AdminScope): KeyInfo {
    const key = identity.key(id);
    if (key !== null && (scope.team === null || key.team === scope.team)) return key;
    throw new NotFoundError('There is no key of this id.', 'key_not_found');
  }

  app.get(
    '/admin/v1/keys',
    {
      config: { auth: 'admin', action: 'keys.list', teamScoped: true },
      schema: {
        summary: 'Keys',
        description: 'Of the configuration and of the admin API; `team` shows those of one.',
        tags: ['admin'],
        querystring: KeyQuerySchema,
        response: { 200: KeyListSchema },
      },
    },
    async (request, reply) => {
      const { team, ...page } = request.query;
      const { team: own } = request.adminScope;
      const ids =
        team === undefined ? null : new Set([team, ...identity.teams().flatMap(({ id, name }) => (name === team ? [id] : []))]);
      const keys = identity
        .keys()
        .filter((key) => (own === null || key.team === own) && (ids === null || (key.team !== null && ids.has(key.team))));
      void reply.header('cache-control', 'no-store');
      const { data, next_cursor } = paginate(keys, page, ({ id }) => id);
      return { data: data.map(shown), next_cursor };
    },
  );

  app.post(
    '/admin/v1/keys',
    {
      config: { auth: 'admin', action: 'keys.create', teamScoped: true },
      schema: {
        summary: 'Make a key',
        description: 'Its secret is in this answer and nowhere else. With `key` or `sha256` one that exists is taken over.',
        tags: ['admin'],
        body: NewKeySchema,
        response: { 201: MadeKeySchema, 409: policyFailures[409], 503: policyFailures[503] },
      },
    },
    async (request, reply) => {
      const { info, secret } = await changes.createKey(request.body, request.adminScope);
      request.auditTarget = info.id;
      void reply.code(201).header('etag', etagOf(info.version)).header('cache-control', 'no-store');
      // Made, and yet without effect: a key with a budget that is made on a gateway without keys was taken for one that holds.
      if (!askedFor) void reply.header('x-postern-warnings', 'ignored=key');
      return { ...shown(info), key: secret };
    },
  );

  app.get(
    '/admin/v1/keys/:id',
    {
      config: { auth: 'admin', action: 'keys.get', teamScoped: true },
      schema: {
        summary: 'One key',
        tags: ['admin'],
        params: IdParamsSchema,
        response: { 200: KeySchema, 404: policyFailures[404] },
      },
    },
    async (request, reply) => {
      const key = found(request.params.id, request.adminScope);
      void reply.header('etag', etagOf(key.version)).header('cache-control', 'no-store');
      return { ...shown(key), ...(await usageOf(standing, key.principal.allowances)) };
    },
  );

  app.patch(
    '/admin/v1/keys/:id',
    {
      config: { auth: 'admin', action: 'keys.update', teamScoped: true },
      schema: {
        summary: 'Change a key',
        description: 'What the body names; null takes it away. In force with the next call, on other replicas within 2 s.',
        ...changeable,
        body: KeyPatchSchema,
        response: { 200: KeySchema, ...policyFailures },
      },
    },
    async (request, reply) => {
      const { 'if-match': ifMatch } = request.headers;
      const info = await changes.updateKey(request.params.id, request.body, ifMatch, request.adminScope);
      void reply.header('etag', etagOf(info.version)).header('cache-control', 'no-store');
      return shown(info);
    },
  );

  app.post(
    '/admin/v1/keys/:id/rotate',
    {
      config: { auth: 'admin', action: 'keys.rotate', teamScoped: true },
      schema: {
        summary: 'Give a key a new secret',
        description: 'Both secrets are taken for `overlap_seconds`; one that a rotation before left over ends at once.',
        ...changeable,
        body: RotationSchema,
        response: { 200: MadeKeySchema, ...policyFailures },
      },
    },
    async (request, reply) => {
      const { 'if-match': ifMatch } = request.headers;
      const { overlap_seconds: overlap = 0 } = request.body;
      const { info, secret } = await changes.rotateKey(request.params.id, overlap, ifMatch, request.adminScope);
      void reply.header('etag', etagOf(info.version)).header('cache-control', 'no-store');
      return { ...shown(info), key: secret };
    },
  );

  app.delete(
    '/admin/v1/keys/:id',
    {
      config: { auth: 'admin', action: 'keys.delete', teamScoped: true },
      schema: {
        summary: 'Revoke a key',
        description: 'In force with the next call, on other replicas within 2 s. Calls under way go on.',
        ...changeable,
        response: { 204: Gone, ...policyFailures },
      },
    },
    async (request, reply) => {
      await changes.removeKey(request.params.id, request.headers['if-match'], request.adminScope);
      return reply
        .code(204)
        .header('cache-control', 'no-store')
        .send(undefined as unknown as null);
    },
  );
};
