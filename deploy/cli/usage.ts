import { AdminClient, connection, connectionHelp } from './admin-client.ts';
import { CliError, type Command, parse, type Surroundings, text } from './command.ts';
import { json, table } from './table.ts';

const help = `Usage: postern usage [--from DAY] [--to DAY] [--by key,team,model,provider,day,metadata.NAME] [--csv]

What was used and what it cost, from the first day to before the second; default: this month, by key.

  --from WHEN            2026-11-01, or unix seconds
  --to WHEN              the same; default: now
  --by GROUPS            what to group by, separated by commas
  --csv                  the same as CSV
${connectionHelp}
`;

const options = {
  ...connection,
  from: { type: 'string' },
  to: { type: 'string' },
  by: { type: 'string' },
  csv: { type: 'boolean' },
} as const;

type Entry = Readonly<Record<string, unknown>>;
const measures = ['requests', 'attempts', 'prompt_tokens', 'completion_tokens', 'cached_tokens'] as const;

interface Page {
  readonly data: readonly Entry[];
  readonly total: Entry;
  readonly next_cursor?: string | null;
}

async function run(args: readonly string[], { env, out, now }: Surroundings): Promise<number> {
  const { values } = parse(args, options, { names: [] });
  if (values.csv === true && values.json === true) throw new CliError('--csv and --json are two forms of one answer.', 2);
  const month = new Date(now());
  const first = new Date(Date.UTC(month.getUTCFullYear(), month.getUTCMonth(), 1)).toISOString().slice(0, 10);
  const by = text(values, 'by') ?? 'key';
  const query = new URLSearchParams({ from: text(values, 'from') ?? first, group_by: by });
  const to = text(values, 'to');
  if (to !== undefined) query.set('to', to);
  const client = new AdminClient(values, env);
  if (values.csv === true) {
    query.set('format', 'csv');
    await printTable(client, query, out);
    return 0;
  }
  const rows: Entry[] = [];
  let page: Page;
  do {
    page = (await client.json('GET', `/admin/v1/usage?${query}`)) as Page;
    rows.push(...page.data);
    if (page.next_cursor != null) query.set('cursor', page.next_cursor);
  } while (page.next_cursor != null);
  if (values.json === true) out(json({ data: rows, total: page.total }));
  else out(usageTable(by.split(','), rows, page.total));
  return 0;
}

/** All pages as one table: each begins with the same line. */
async function printTable(client: AdminClient, query: URLSearchParams, out: Surroundings['out']): Promise<void> {
  let header = '';
  let cursor: string | null = null;
  do {
    if (cursor !== null) query.set('cursor', cursor);
    const page = await client.admin('GET', `/admin/v1/usage?${query}`);
    out(page.text.slice(header.length));
    header ||= page.text.slice(0, page.text.indexOf('\r\n') + 2);
    ({ cursor } = page);
  } while (cursor !== null);
}

/** Amounts stay the decimal text they came as: they are exact. */
export function usageTable(groups: readonly string[], rows: readonly Entry[], total: Entry): string {
  const numbers = (entry: Entry) => [...measures.map((measure) => Number(entry[measure] ?? 0)), costOf(entry)];
  const named = rows.map((entry) => [...groups.map((group) => (entry[group] ?? null) as string | null), ...numbers(entry)]);
  const sum = [...groups.map((_, at) => (at === 0 ? 'total' : null)), ...numbers(total)];
  const heads = [...groups, ...measures.map((measure) => measure.replace('_tokens', '')), 'cost'];
  return table(
    heads.map((head) => head.toUpperCase()),
    [...named, sum],
  );
}

/** Attempts without a known price are in no sum; beside `$0` that has to be seen. */
function costOf({ cost_usd, unpriced_attempts }: Entry): string {
  const known = `$${String(cost_usd ?? 0)}`;
  return typeof unpriced_attempts === 'number' && unpriced_attempts > 0 ? `${known} + ${unpriced_attempts} unpriced` : known;
}

export const usage: Command = { summary: 'what was used and what it cost', help, run };
