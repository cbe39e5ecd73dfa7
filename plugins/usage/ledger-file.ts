import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { exchangeTime } from '../exchange/ids.ts';
import { type DecisionPage, type PageRequest, pageOf, scanned } from '../explain/pages.ts';
import { type AttemptPage, type AttemptsRequest, readAttempts } from './attempt-list.ts';
import { readFleetUsage } from './fleet/merged-usage.ts';
import type { UsagePage, UsageRequest } from './usage-query.ts';

/** One attempt as the ledger has it, by its columns. */
export interface AttemptRow {
  readonly id: number;
  readonly exchange: string;
  readonly request_id: string;
  readonly attempt: number;
  /** Unix milliseconds. */
  readonly started_at: number;
  readonly operation: string;
  readonly key_id: string | null;
  readonly team: string | null;
  readonly credential: 'operator' | 'caller';
  /** Unix milliseconds. */
  readonly charged_at: number;
  readonly stream: 0 | 1;
  /** JSON. */
  readonly metadata: string | null;
  readonly model: string;
  readonly provider: string;
  readonly target: string;
  readonly state: 'open' | 'settled';
  readonly outcome: string | null;
  readonly reason: string | null;
  readonly status: number | null;
  readonly upstream_status: number | null;
  /** JSON. */
  readonly quantities: string | null;
  readonly input: number | null;
  readonly cached: number | null;
  readonly output: number | null;
  readonly reasoning: number | null;
  readonly usage_source: string | null;
  readonly first_content_ms: number | null;
  readonly total_ms: number | null;
  readonly cost_nano: number | null;
  readonly price_source: string | null;
  readonly price_version: string | null;
}

export interface ExchangeRequest {
  readonly kind: 'exchange';
  readonly exchange: string;
  /** Rows that are known to be of it. */
  readonly rows: readonly number[];
  /** It is over this long after its beginning at the latest, and its decision is written. Milliseconds. */
  readonly longest: number;
}

export type ReadRequest = ExchangeRequest | (PageRequest & { readonly kind: 'decisions' }) | UsageRequest | AttemptsRequest;

export interface FoundExchange {
  /** Null when none is kept. */
  readonly decision: string | null;
  readonly rows: readonly AttemptRow[];
}

/** The wall clock may have been set back so far. Milliseconds. */
const clockSlack = 2_000;
/** Rows that are looked through for those of one exchange. */
const mostRows = 200_000;

/** Reads the ledger's file. Synchronous, so it is for a thread of its own. */
export class LedgerFile {
  readonly #database: DatabaseSync;
  readonly #fleetDir: string | null;
  readonly #decision: StatementSync;
  readonly #decisions: StatementSync;
  readonly #timeOfRow: StatementSync;
  readonly #timeOfDecision: StatementSync;
  readonly #rowsOf: StatementSync;
  readonly #row: StatementSync;

  constructor(database: DatabaseSync, fleetDir: string | null = null) {
    this.#database = database;
    this.#fleetDir = fleetDir;
    this.#decision = database.prepare(
      'SELECT decision FROM decisions WHERE id >= ? AND id < ? AND instr(substr(decision, 1, 40), ?) > 0 ORDER BY id LIMIT 1',
    );
    this.#decisions = database.prepare('SELECT id, decision FROM decisions WHERE id < ? ORDER BY id DESC LIMIT ?');
    this.#timeOfRow = database.prepare('SELECT id, started_at AS at FROM intents WHERE id >= ? ORDER BY id LIMIT 1');
    this.#timeOfDecision = database.prepare('SELECT id, at FROM decisions WHERE id >= ? ORDER BY id LIMIT 1');
    this.#rowsOf = database.prepare(
      `SELECT id FROM (SELECT id, exchange, started_at FROM intents WHERE id >= ? ORDER BY id LIMIT ${mostRows})
       WHERE exchange = ? AND started_at <= ?`,
    );
    this.#row = database.prepare('SELECT * FROM attempts WHERE id = ?');
  }

  read(request: ReadRequest): FoundExchange | DecisionPage | UsagePage | AttemptPage {
    if (request.kind === 'exchange') return this.#exchange(request);
    if (request.kind === 'decisions') return this.#page(request);
    // As it is at one moment: hours move to their days between two reads.
    this.#database.exec('BEGIN');
    try {
      if (request.kind === 'usage') return readFleetUsage(this.#database, this.#fleetDir, request);
      return readAttempts(this.#database, request, (since) => this.#idsFrom(since));
    } finally {
      this.#database.exec('ROLLBACK');
    }
  }

  /** No row that began then or later has a smaller id. */
  #idsFrom(since: number): number {
    return since <= 0 ? 0 : this.#first(this.#timeOfRow, 'intents', since);
  }

  #exchange({ exchange, rows, longest }: ExchangeRequest): FoundExchange {
    const began = exchangeTime(exchange);
    if (began === null) return { decision: null, rows: [] };
    const since = began - clockSlack;
    // A name that ends in a quote is the whole name.
    const [from, to] = [since, began + longest].map((at) => this.#first(this.#timeOfDecision, 'decisions', at)) as [
      number,
      number,
    ];
    const decision = this.#decision.get(from, to, `"${exchange}"`);
    const ids = new Set(rows);
    const first = this.#first(this.#timeOfRow, 'intents', since);
    for (const { id } of this.#rowsOf.all(first, exchange, began + longest) as { id: number }[]) ids.add(id);
    const found = [...ids].sort((a, b) => a - b).map((id) => this.#row.get(id) as unknown as AttemptRow | undefined);
    return {
      decision: (decision?.decision ?? null) as string | null,
      rows: found.filter((row) => row?.exchange === exchange).map((row) => ({ ...row! })),
    };
  }

  #page(request: PageRequest): DecisionPage {
    const rows = this.#decisions.all(request.before ?? Number.MAX_SAFE_INTEGER, scanned) as { id: number; decision: string }[];
    return pageOf(
      rows.map(({ id, decision }) => ({ position: id, record: decision })),
      request,
    );
  }

  /** The first row of a time or later, of a table whose rows are in the order of time, as far as the wall clock is. */
  #first(timeOf: StatementSync, table: 'intents' | 'decisions', since: number): number {
    const last = (this.#database.prepare(`SELECT coalesce(max(id), 0) AS id FROM ${table}`).get() as { id: number }).id;
    let [low, high] = [1, last + 1];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const row = timeOf.get(middle) as { id: number; at: number } | undefined;
      if (row === undefined || row.at >= since) high = middle;
      else low = row.id + 1;
    }
    return low;
  }
}
