import { decodeCursor, encodeCursor } from '../admin/cursor.ts';
import { ValidationError } from '../errors/index.ts';
import { hourMs } from './sum-tables.ts';
import { type UsageGroup, type UsagePage, type UsageRequest, type UsageRow, type UsageSums, usageGroups } from './usage-query.ts';
import { formatUsd } from './usd.ts';

/** What a caller asks for in the query. */
export interface ReportQuery {
  readonly from?: string;
  readonly to?: string;
  readonly group_by?: string;
  readonly limit?: string;
  readonly cursor?: string;
}

/** A request with the names of its groups. */
export interface Report {
  readonly request: Omit<UsageRequest, 'kind'>;
  readonly names: readonly string[];
}

const dayMs = 86_400_000;
const metadataPrefix = 'metadata.';
export const largestReport = 10_000;
export const defaultReport = 1_000;

/** Unix milliseconds. Throws `ValidationError`. */
export function parseTime(name: string, text: string): number {
  if (/^\d{1,11}$/.test(text)) return Number(text) * 1000;
  const [, day, time] = /^(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d(?::\d\d)?)Z)?$/.exec(text) ?? [];
  const ms = Date.parse(`${day}T${time ?? '00:00'}Z`);
  if (Number.isFinite(ms)) return ms;
  throw new ValidationError(`${name} is unix seconds or an ISO date in UTC, such as 2027-01-31 or 2027-01-31T18:00:00Z.`, name);
}

/** Throws `ValidationError`. */
function parseGroups(text: string | undefined): { groups: UsageGroup[]; names: string[]; label: string | null } {
  const names = text === undefined || text === '' ? [] : text.split(',');
  let label: string | null = null;
  const refuse = (why: string): never => {
    throw new ValidationError(`group_by ${why}.`, 'group_by');
  };
  if (new Set(names).size < names.length) refuse('names a group twice');
  const groups = names.map((name): UsageGroup => {
    if ((usageGroups as readonly string[]).includes(name)) return name as UsageGroup;
    if (!name.startsWith(metadataPrefix) || name.length === metadataPrefix.length || name.length > metadataPrefix.length + 64)
      return refuse(`takes ${usageGroups.join(', ')} and metadata.<name>, with commas between them`);
    if (label !== null) return refuse('takes one name of metadata');
    label = name.slice(metadataPrefix.length);
    return 'label';
  });
  return { groups, names, label };
}

function parseReportLimit(text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const limit = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > largestReport)
    throw new ValidationError(`limit must be a whole number from 1 to ${largestReport}.`, 'limit');
  return limit;
}

interface Place {
  readonly from: number;
  readonly to: number;
  readonly after: readonly (string | number)[];
}

function parsePlace(cursor: string, groups: readonly UsageGroup[]): Place {
  const invalid = new ValidationError('This cursor is of another list. Leave it out to start over.', 'cursor');
  let value: unknown;
  try {
    value = JSON.parse(decodeCursor(cursor));
  } catch {
    throw invalid;
  }
  if (!Array.isArray(value)) throw invalid;
  const [kind, from, to, ...after] = value as unknown[];
  const fits =
    kind === 'usage' &&
    Number.isSafeInteger(from) &&
    Number.isSafeInteger(to) &&
    after.length === groups.length &&
    groups.every((group, at) => typeof after[at] === (group === 'day' ? 'number' : 'string'));
  if (!fits) throw invalid;
  return { from: from as number, to: to as number, after: after as (string | number)[] };
}

/**
 * What is to be read. Without `from`, from the beginning of the month; without `to`, until now. `fallback`: rows of a page. `now`: unix
 * milliseconds. Throws `ValidationError`.
 */
export function parseReport(
  query: ReportQuery,
  only: Pick<UsageRequest, 'team' | 'key'>,
  now: number,
  fallback: number = defaultReport,
): Report {
  const { groups, names, label } = parseGroups(query.group_by);
  const limit = parseReportLimit(query.limit, fallback);
  if (query.cursor !== undefined) {
    const place = parsePlace(query.cursor, groups);
    return { request: { ...place, groups, label, ...only, limit }, names };
  }
  const today = new Date(now);
  const from = query.from === undefined ? Date.UTC(today.getUTCFullYear(), today.getUTCMonth()) : parseTime('from', query.from);
  const to = query.to === undefined ? now + 1 : parseTime('to', query.to);
  if (from >= to)
    throw new ValidationError('from has to be before to: usage is that from the one on and before the other.', 'from');
  const request = { from: Math.floor(from / hourMs), to: Math.ceil(to / hourMs), groups, label, ...only, after: null, limit };
  return { request, names };
}

/** Measures as they are told. */
const told = {
  requests: 'requests',
  attempts: 'attempts',
  prompt: 'prompt_tokens',
  completion: 'completion_tokens',
  cached: 'cached_tokens',
  reasoning: 'reasoning_tokens',
  cost_nano: 'cost_usd',
  unpriced: 'unpriced_attempts',
} as const;
type Told = { readonly [Name in Exclude<(typeof told)[keyof typeof told], 'cost_usd'>]: number } & { readonly cost_usd: string };
const toldNames = Object.values(told);

function tell(sums: UsageSums): Told {
  return {
    requests: sums.requests,
    attempts: sums.attempts,
    prompt_tokens: sums.prompt,
    completion_tokens: sums.completion,
    cached_tokens: sums.cached,
    reasoning_tokens: sums.reasoning,
    cost_usd: formatUsd(sums.cost_nano),
    unpriced_attempts: sums.unpriced,
  };
}

function tellGroup(group: UsageGroup, value: string | number): string | null {
  if (group === 'day') return new Date(Number(value) * dayMs).toISOString().slice(0, 10);
  if (value === '') return null;
  return group === 'label' ? String(value).slice(1) : String(value);
}

const groupsOf = ({ request, names }: Report, row: UsageRow): [string, string | null][] =>
  names.map((name, at) => [name, tellGroup(request.groups[at]!, row.groups[at]!)]);

/** Where the next page begins; null: there is none. */
export function nextCursor({ rows, more, from, to }: UsagePage): string | null {
  return more ? encodeCursor(JSON.stringify(['usage', from, to, ...rows.at(-1)!.groups])) : null;
}

/** As JSON is told: `from` and `to` are what was read, unix seconds. */
export function reportBody(report: Report, page: UsagePage) {
  return {
    from: (page.from * hourMs) / 1000,
    to: (page.to * hourMs) / 1000,
    group_by: [...report.names],
    data: page.rows.map((row) => ({ ...Object.fromEntries(groupsOf(report, row)), ...tell(row) })),
    total: tell(page.total),
    next_cursor: nextCursor(page),
  };
}

/** Columns and rows of a table of it; the total is left out, because columns of tables are added up. */
export function reportTable(report: Report, page: UsagePage) {
  const rows = page.rows.map((row) => {
    const sums = tell(row);
    return [...groupsOf(report, row).map(([, value]) => value), ...toldNames.map((name) => sums[name])];
  });
  return { columns: [...report.names, ...toldNames], rows };
}
