import { type TSchema, Type } from '@sinclair/typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { UnavailableError } from '../plugins/errors/index.ts';
import { formatCsv, wantsCsv } from '../plugins/usage/csv.ts';
import type { LedgerReader } from '../plugins/usage/reader.ts';
import { largestReport, nextCursor, parseReport, type ReportQuery, reportBody, reportTable } from '../plugins/usage/report.ts';
import type { UsageRequest } from '../plugins/usage/usage-query.ts';

// What routes that tell of the ledger share.

/** `fastify.usage`, as far as they need it. */
export interface LedgerSource {
  readonly reader: Pick<LedgerReader, 'usage' | 'attempts'>;
  arrival(): Promise<void>;
}

/** The same thing as JSON and as a table. */
export const jsonOrCsv = (schema: TSchema, description: string): object => ({
  description,
  content: {
    'application/json': { schema },
    'text/csv': { schema: Type.String({ description: 'RFC 4180; x-postern-next-cursor has the cursor of the next page' }) },
  },
});

/** Rejects with what a caller is told where the ledger's file cannot be read. */
export async function readingLedger<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    throw new UnavailableError('The usage ledger cannot be read; try again, and look at the disk behind data_dir.', undefined, {
      cause,
    });
  }
}

export const asksForCsv = (request: FastifyRequest): boolean =>
  wantsCsv((request.query as { format?: string }).format, request.headers.accept);

/** A table to be saved; `cursor`: of the next page. */
export function sendCsv(
  reply: FastifyReply,
  name: string,
  table: Parameters<typeof formatCsv> extends [infer Columns, infer Rows]
    ? { readonly columns: Columns; readonly rows: Rows }
    : never,
  cursor: string | null,
): string {
  if (cursor !== null) void reply.header('x-postern-next-cursor', cursor);
  void reply.header('content-disposition', `attachment; filename="${name}.csv"`).type('text/csv; charset=utf-8; header=present');
  return formatCsv(table.columns, table.rows);
}

/** Sums of what `only` allows, as the query asks for them. A string is CSV. */
export async function answerUsage(
  ledger: LedgerSource,
  request: FastifyRequest,
  reply: FastifyReply,
  only: Pick<UsageRequest, 'team' | 'key'>,
): Promise<string | ReturnType<typeof reportBody>> {
  const csv = asksForCsv(request);
  const report = parseReport(request.query as ReportQuery, only, Date.now(), csv ? largestReport : undefined);
  await ledger.arrival();
  const page = await readingLedger(ledger.reader.usage(report.request));
  void reply.header('cache-control', 'no-store').header('vary', 'accept');
  return csv ? sendCsv(reply, 'usage', reportTable(report, page), nextCursor(page)) : reportBody(report, page);
}
