import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { decodeCursor, encodeCursor, parseLimit } from '../../plugins/admin/cursor.ts';
import { ValidationError } from '../../plugins/errors/index.ts';
import type { AttemptRow } from '../../plugins/usage/ledger-file.ts';
import { parseTime } from '../../plugins/usage/report.ts';
import { formatUsd } from '../../plugins/usage/usd.ts';
import { AttemptListSchema, AttemptsQuerySchema } from '../../schemas/admin-usage.ts';
import { asksForCsv, jsonOrCsv, type LedgerSource, readingLedger, sendCsv } from '../ledger-answers.ts';
import { attempt } from './exchanges.ts';

export interface AdminAttemptsOptions {
  readonly usage: LedgerSource;
}

/** Throws `ValidationError`. */
function positionOf(cursor: string): number {
  const position = Number(decodeCursor(cursor));
  if (Number.isSafeInteger(position)) return position;
  throw new ValidationError('This cursor is of another list. Leave it out to start over.', 'cursor');
}

/** What the file says, if it says that: another program may have written it. */
function metadataOf(text: string | null): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text ?? 'null');
    return typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown> | null) : null;
  } catch {
    return null;
  }
}

const columns = [
  'row',
  'exchange',
  'request_id',
  'attempt',
  'operation',
  'started_at',
  'key',
  'team',
  'credential',
  'asked_model',
  'provider',
  'model',
  'state',
  'outcome',
  'reason',
  'status',
  'upstream_status',
  'prompt_tokens',
  'cached_tokens',
  'completion_tokens',
  'reasoning_tokens',
  'usage_source',
  'cost_usd',
  'duration_ms',
  'first_content_ms',
  'metadata',
] as const;

const cells = (row: AttemptRow): (string | number | null)[] => [
  row.id,
  row.exchange,
  row.request_id,
  row.attempt,
  row.operation,
  new Date(row.started_at).toISOString(),
  row.key_id,
  row.team,
  row.credential,
  row.model,
  row.provider,
  row.target,
  row.state,
  row.outcome,
  row.reason,
  row.status,
  row.upstream_status,
  row.input,
  row.cached,
  row.output,
  row.reasoning,
  row.usage_source,
  row.cost_nano === null ? null : formatUsd(row.cost_nano),
  row.total_ms,
  row.first_content_ms,
  row.metadata,
];

/** `GET /admin/v1/attempts`: the rows of the ledger; a team's admin sees those of its team. */
export const adminAttemptRoutes: FastifyPluginAsyncTypebox<AdminAttemptsOptions> = async (app, { usage }) => {
  app.get(
    '/admin/v1/attempts',
    {
      config: { auth: 'admin', action: 'attempts.list', teamScoped: true },
      schema: {
        summary: 'Attempts',
        description:
          'Rows of the ledger, the newest first. At most 50,000 are looked through for one page, which may therefore be short, or empty, and have a next one.',
        tags: ['admin'],
        querystring: AttemptsQuerySchema,
        response: { 200: jsonOrCsv(AttemptListSchema, 'One page of attempts.') },
      },
    },
    async (request, reply) => {
      const { limit, cursor, key, team, model, provider, outcome, from, to } = request.query;
      const scope = request.adminScope.team;
      // Another team's: nothing of it is told, not even that there is something.
      const foreign = scope !== null && team !== undefined && team !== scope;
      const only = scope ?? team;
      await usage.arrival();
      const page = foreign
        ? { data: [], next: null }
        : await readingLedger(
            usage.reader.attempts({
              before: cursor === undefined ? null : positionOf(cursor),
              limit: parseLimit(limit),
              from: from === undefined ? 0 : parseTime('from', from),
              to: to === undefined ? Number.MAX_SAFE_INTEGER : parseTime('to', to),
              filters: {
                ...(key === undefined ? {} : { key_id: key }),
                ...(only === undefined ? {} : { team: only }),
                ...(model === undefined ? {} : { model }),
                ...(provider === undefined ? {} : { provider }),
                ...(outcome === undefined ? {} : { outcome }),
              },
            }),
          );
      const next = page.next === null ? null : encodeCursor(String(page.next));
      void reply.header('cache-control', 'no-store').header('vary', 'accept');
      if (asksForCsv(request)) return sendCsv(reply, 'attempts', { columns, rows: page.data.map(cells) }, next);
      const data = page.data.map((row) => ({
        exchange: row.exchange,
        request_id: row.request_id,
        key: row.key_id,
        team: row.team,
        credential: row.credential,
        asked_model: row.model,
        metadata: metadataOf(row.metadata),
        ...attempt(row),
      }));
      return { data, next_cursor: next };
    },
  );
};
