import { calcPrice } from '@pydantic/genai-prices';
import type { LedgerRow } from '../helper/ledger.ts';
import type { Expected } from './expected.ts';

/** What the row of one exchange says that it must not. `priced`: provider of the price data, null for none. */
export function ledgerDifferences(expected: Expected, rows: readonly LedgerRow[], priced: string | null): string[] {
  const [row] = rows;
  if (rows.length !== 1 || row === undefined) return [`ledger: ${rows.length} rows`];
  const outcome = expected.kind === 'failure' ? 'failed' : 'ok';
  const found = row.outcome === outcome ? [] : [`ledger: outcome ${row.outcome} instead of ${outcome}`];
  if (expected.kind === 'failure') return found;
  // Zeros for an answer with content are no count: some servers fill them in.
  if (expected.usage === null || expected.usage.input + expected.usage.output === 0) {
    if (row.usage_source !== 'estimated') found.push(`ledger: usage_source ${row.usage_source} where nothing was counted`);
    return found;
  }
  if (row.usage_source !== 'provider') found.push(`ledger: usage_source ${row.usage_source}`);
  const booked = quantitiesOf(row);
  const { total: _total, ...counted } = expected.usage;
  for (const [kind, value] of Object.entries(counted)) {
    if ((booked[kind] ?? 0) !== value) found.push(`ledger: ${kind} expected ${value}, booked ${booked[kind]}`);
  }
  if (priced !== null && found.length === 0) found.push(...costDifferences(row, booked, priced));
  return found;
}

function quantitiesOf(row: LedgerRow): Readonly<Record<string, number>> {
  return JSON.parse((row as unknown as { quantities: string }).quantities) as Record<string, number>;
}

const simple: ReadonlySet<string> = new Set(['input', 'cached', 'cache_write_5m', 'output', 'reasoning']);

/** A model that the published prices have under exactly its name has a cost, and it is theirs. */
function costDifferences(row: LedgerRow, booked: Readonly<Record<string, number>>, priced: string): string[] {
  const model = row.target.slice(row.target.indexOf('/') + 1);
  const { input = 0, output = 0, cached, cache_write_5m: written } = booked;
  const usage = { input_tokens: input, output_tokens: output, cache_read_tokens: cached, cache_write_tokens: written };
  const price = calcPrice(usage, model, { providerId: priced });
  if (price === null || price.model.id !== model) return [];
  // An advisor is another model, with another price.
  if (booked.advisor !== undefined) return row.cost_nano === null ? [] : ['ledger: a cost although the advisor has no price'];
  if (row.cost_nano === null) return [`ledger: no cost for ${model}`];
  if (!Object.keys(booked).every((kind) => simple.has(kind) || booked[kind] === 0)) return [];
  const nano = price.total_price * 1e9;
  return Math.abs(nano - row.cost_nano) <= 1 + nano * 1e-9 ? [] : [`ledger: cost ${row.cost_nano} nano-USD, published ${nano}`];
}
