import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { decodeCursor, encodeCursor, parseLimit } from '../../plugins/admin/cursor.ts';
import { NotFoundError, UnavailableError, ValidationError } from '../../plugins/errors/index.ts';
import { exchangeTime } from '../../plugins/exchange/ids.ts';
import type { ExchangeFindings, Explain } from '../../plugins/explain/index.ts';
import type { AttemptRow } from '../../plugins/usage/ledger-file.ts';
import { formatUsd } from '../../plugins/usage/usd.ts';
import {
  type ExchangeBody,
  ExchangeListSchema,
  ExchangeParamsSchema,
  ExchangeQuerySchema,
  ExchangeSchema,
} from '../../schemas/admin-exchanges.ts';

export interface AdminExchangesOptions {
  readonly explain: Pick<Explain, 'find' | 'page'>;
}

const seconds = (ms: number | null): number | null => (ms === null ? null : ms / 1000);

/** What the file says, if it says that: another program may have written it. */
function quantities(text: string | null): Record<string, number> | null {
  try {
    const value: unknown = JSON.parse(text ?? 'null');
    if (typeof value !== 'object' || value === null) return null;
    return Object.fromEntries(Object.entries(value).filter((entry): entry is [string, number] => Number.isInteger(entry[1])));
  } catch {
    return null;
  }
}

/** What is told of one row of the ledger. */
export function attempt(row: AttemptRow): ExchangeBody['attempts'][number] {
  return {
    row: row.id,
    attempt: row.attempt,
    operation: row.operation,
    provider: row.provider,
    model: row.target,
    state: row.state,
    outcome: row.outcome,
    reason: row.reason,
    status: row.status,
    upstream_status: row.upstream_status,
    started_at: row.started_at / 1000,
    duration: seconds(row.total_ms),
    first_content: seconds(row.first_content_ms),
    usage: quantities(row.quantities),
    usage_source: row.usage_source,
    cost_usd: row.cost_nano === null ? null : formatUsd(row.cost_nano),
    price: row.price_source === null ? null : { source: row.price_source, version: row.price_version },
  };
}

function totalCost(rows: readonly AttemptRow[]): string | null {
  let sum = 0;
  for (const { attempt, state, cost_nano } of rows) {
    // 0: what was sent beside the call.
    if (attempt === 0 || state === 'open') continue;
    if (cost_nano === null) return null;
    sum += cost_nano;
  }
  return formatUsd(sum);
}

function exchange(id: string, { decision, rows, open }: ExchangeFindings): ExchangeBody {
  const [first] = rows;
  return {
    id,
    request_id: decision?.request_id ?? first?.request_id ?? null,
    key: decision?.key ?? first?.key_id ?? null,
    model: decision?.model ?? first?.model ?? null,
    created_at: Math.floor((decision?.created_at ?? (exchangeTime(id) ?? 0) / 1000) || 0),
    state: open ? 'open' : 'settled',
    attempts: rows.map(attempt),
    cost_usd: totalCost(rows),
    decision,
  };
}

/** Throws `ValidationError`. */
function positionOf(cursor: string): number {
  const position = Number(decodeCursor(cursor));
  if (Number.isSafeInteger(position)) return position;
  throw new ValidationError('This cursor is of another list. Leave it out to start over.', 'cursor');
}

async function reading<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    throw new UnavailableError('The usage ledger cannot be read; try again, and look at the disk behind data_dir.', undefined, {
      cause,
    });
  }
}

/** `/admin/v1/exchanges`. */
export const adminExchangeRoutes: FastifyPluginAsyncTypebox<AdminExchangesOptions> = async (app, { explain }) => {
  app.get(
    '/admin/v1/exchanges/:id',
    {
      config: { auth: 'admin', action: 'exchanges.get' },
      schema: {
        summary: 'One call',
        description: 'Its attempts as the ledger has them and why their targets were chosen, also while it is under way.',
        tags: ['admin'],
        params: ExchangeParamsSchema,
        response: { 200: ExchangeSchema },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const found = exchangeTime(id) === null ? null : await reading(explain.find(id));
      if (found === null) {
        throw new NotFoundError(
          'No call of this id is known. Send the x-postern-exchange-id of its answer (not x-request-id); calls that were refused before a target was looked for are only in the log, and old decisions are removed.',
          'exchange_not_found',
        );
      }
      void reply.header('cache-control', 'no-store');
      return exchange(id, found);
    },
  );

  app.get(
    '/admin/v1/exchanges',
    {
      config: { auth: 'admin', action: 'exchanges.list' },
      schema: {
        summary: 'Calls',
        description:
          'Those whose decision is kept, the ones that ended last first, within a second of their end. At most 5,000 are looked through for one page, which may therefore be short, or empty, and have a next one.',
        tags: ['admin'],
        querystring: ExchangeQuerySchema,
        response: { 200: ExchangeListSchema },
      },
    },
    async (request, reply) => {
      const { limit, cursor, model, provider, outcome, after } = request.query;
      const page = await reading(
        explain.page({
          before: cursor === undefined ? null : positionOf(cursor),
          from: Number(after ?? 0) * 1000,
          limit: parseLimit(limit),
          model: model ?? null,
          provider: provider ?? null,
          outcome: outcome ?? null,
        }),
      );
      void reply.header('cache-control', 'no-store');
      const data = page.data.map((decision) => ({
        id: decision.exchange,
        request_id: decision.request_id,
        key: decision.key,
        model: decision.model,
        created_at: Math.floor(decision.created_at),
        operation: decision.operation,
        target: decision.attempts.at(-1)?.target ?? null,
        attempts: decision.attempts.length,
        outcome: decision.outcome,
        reason: decision.reason,
        status: decision.status,
        duration: seconds(decision.duration_ms),
        cost_usd: decision.cost_usd,
      }));
      return { data, next_cursor: page.next === null ? null : encodeCursor(String(page.next)) };
    },
  );
};
