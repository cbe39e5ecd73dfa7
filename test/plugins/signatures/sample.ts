import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';
import type { Entry, StoreLimits } from '../../../plugins/signatures/contract.ts';
import { recordKey, toText } from '../../../plugins/signatures/record.ts';
import { Sealer } from '../../../plugins/signatures/seal.ts';
import { signaturesPath } from '../../../plugins/signatures/sqlite-file.ts';
import { SqliteSignatureStore } from '../../../plugins/signatures/sqlite-store.ts';
import type { Kept } from '../../../providers/provider.ts';
import { opened, whenDone } from '../../helper/cleanup.ts';

/** Tries until it does not throw any more; 5 s at most, for machines that are busy. */
export const until = <T>(check: () => T | Promise<T>): Promise<T> => vi.waitFor(check, { timeout: 5_000, interval: 5 });

export const day = 24 * 3_600_000;
export const roomy: StoreLimits = { entries: 1_000, bytes: 1024 * 1024, age: 30 * day };
export const key = Buffer.alloc(32, 7);

export function kept(changes: Partial<Kept> = {}): Kept {
  return { id: 'call_1', dialect: 'acme', issuer: 'acme/large', signature: 'c2lnbmVk', ...changes };
}

export function entry(id: string, changes: Partial<Kept> = {}): Entry {
  const value = kept({ id, ...changes });
  return { key: recordKey('t', id), kept: value, text: toText(value) };
}

export const keyOf = (id: string): string => recordKey('t', id);

/** A clock that stands until it is moved. Unix milliseconds. */
export function clock() {
  let at = Date.UTC(2026, 10, 22);
  return {
    now: () => at,
    move(ms: number) {
      at += ms;
    },
  };
}

export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'postern-signatures-'));
  whenDone(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Keeps what was logged, as `level message`. */
export function recordingLog() {
  const lines: string[] = [];
  const at = (level: string) => (first: unknown, second?: unknown) => {
    lines.push(`${level} ${typeof first === 'string' ? first : String(second)}`);
  };
  return { lines, info: at('info'), warn: at('warn') };
}

export interface StoreChanges {
  readonly limits?: Partial<StoreLimits>;
  readonly now?: () => number;
  readonly key?: Buffer;
}

/** The file backend in `dir`; closed when the test is over. */
export function openStore(dir: string, changes: StoreChanges = {}) {
  const log = recordingLog();
  const pruned = { rows: 0 };
  const store = opened(
    new SqliteSignatureStore({
      path: signaturesPath(dir),
      sealer: new Sealer(changes.key ?? key, 'kept'),
      limits: { ...roomy, ...changes.limits },
      now: changes.now ?? Date.now,
      log,
      onPruned: (rows) => {
        pruned.rows += rows;
      },
    }),
  );
  return { store, log, pruned };
}
