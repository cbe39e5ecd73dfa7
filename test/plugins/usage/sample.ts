import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Applier } from '../../../plugins/usage/applier.ts';
import type { Intent, Settlement } from '../../../plugins/usage/index.ts';
import { Journal, journalPaths } from '../../../plugins/usage/journal.ts';
import { Ledger } from '../../../plugins/usage/ledger.ts';
import { PriceBook, type PriceBookOptions } from '../../../plugins/usage/price.ts';
import { LedgerStore } from '../../../plugins/usage/store.ts';
import type { LocalReply, ProviderDefaults, ProviderType, Target } from '../../../providers/provider.ts';

export interface TargetOptions {
  readonly model?: string;
  readonly priceProvider?: string;
  readonly preset?: string;
  readonly presets?: Readonly<Record<string, ProviderDefaults>>;
  readonly local?: boolean;
}

/** A target named `acme/…`. */
export function target(options: TargetOptions = {}): Target {
  const type: ProviderType = {
    type: 'acme',
    dialect: 'acme',
    defaults: options.priceProvider === undefined ? {} : { priceProvider: options.priceProvider },
    presets: options.presets ?? {},
    environment: [],
    translate: () => null,
    ...(options.local ? { serve: (): LocalReply => ({ status: 200, headers: {}, steps: [] }) } : {}),
  };
  const provider = {
    name: 'acme',
    type,
    config: { type: 'acme', ...(options.preset === undefined ? {} : { preset: options.preset }) },
    baseUrl: 'https://acme.test/v1',
    origin: 'https://acme.test',
    path: '/v1',
    query: '',
    headers: {},
    credentials: [{ id: '1', weight: 1, headers: {} }],
    operations: new Set(['chat'] as const),
    vendorHost: false,
  };
  const model = options.model ?? 'large';
  return { id: `acme/${model}`, provider, model, weight: 1 };
}

export function intent(changes: Partial<Intent> = {}): Intent {
  return {
    exchange: 'ex_0001',
    requestId: 'req-1',
    attempt: 1,
    startedAt: Date.UTC(2026, 10, 22),
    operation: 'chat',
    keyId: 'key_a',
    team: null,
    credential: 'operator',
    chargedAt: Date.UTC(2026, 10, 22),
    model: 'smart',
    provider: 'acme',
    target: 'large',
    stream: false,
    estimatedInput: 40,
    metadata: null,
    configVersion: 'c1',
    ...changes,
  };
}

export function settlement(changes: Partial<Settlement> = {}): Settlement {
  return {
    outcome: 'ok',
    reason: null,
    status: 200,
    upstreamStatus: 200,
    servedModel: 'large-2026-01-01',
    usage: { input: 1000, output: 100 },
    estimatedOutput: 90,
    unsent: false,
    endedAt: Date.UTC(2026, 10, 22, 0, 0, 1),
    firstContentMs: 300,
    totalMs: 1000,
    ...changes,
  };
}

/** 2 USD per million input tokens, 10 per million output tokens. */
export const prices = { 'acme/large': { input: 2, output: 10 } };

export function temporaryDirectory(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'postern-usage-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Keeps what was logged, as `level message`. */
export function recordingLog() {
  const lines: string[] = [];
  const at = (level: string) => (first: unknown, second?: unknown) => {
    lines.push(`${level} ${typeof first === 'string' ? first : String(second)}`);
  };
  return { lines, info: at('info'), warn: at('warn'), error: at('error') };
}

export interface LedgerChanges extends Partial<PriceBookOptions> {
  readonly applier?: Pick<Applier, 'apply' | 'close'>;
  readonly synchronised?: boolean;
}

/** Brings journals into the file over the store's own connection, whose limits a test may set. */
function here(store: LedgerStore, journals: readonly Journal[]): Pick<Applier, 'apply' | 'close'> {
  const probe = store.database.prepare('INSERT INTO probe (filler) VALUES (zeroblob(65536))');
  return {
    async apply(request) {
      await null;
      const journal = journals.find(({ path }) => path === request.journal);
      const refused = journal === undefined ? [] : store.write(journal.read().writes);
      if (request.settledBelow !== null) store.settledBelow(request.settledBelow);
      if (request.probe) probe.run();
      return refused;
    },
    close: async () => {},
  };
}

export function openLedger(dataDir: string, options: LedgerChanges = {}) {
  const log = recordingLog();
  const store = new LedgerStore({ dataDir, fsync: 'normal', now: Date.now, log });
  const book = new PriceBook({ prices, version: 'c1', ...options });
  const [first, second] = journalPaths(dataDir);
  const journals = [new Journal(first), new Journal(second)] as const;
  const applier = options.applier ?? here(store, journals);
  const ledger = new Ledger({ store, journals, applier, synchronised: options.synchronised === true, book, now: Date.now, log });
  return { ledger, store, journals, applier, book, log };
}

/** Rows as another process sees them. */
export function readRows(dataDir: string): Record<string, unknown>[] {
  const database = new DatabaseSync(join(dataDir, 'ledger.sqlite'), { readOnly: true });
  try {
    return database
      .prepare('SELECT * FROM attempts ORDER BY id')
      .all()
      .map((row) => ({ ...row }));
  } finally {
    database.close();
  }
}
