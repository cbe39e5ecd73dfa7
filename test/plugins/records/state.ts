import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Fastify from 'fastify';
import type { RecordChanges, RecordStore, StoredRecord } from '../../../plugins/records/contract.ts';
import { RecordStoreError } from '../../../plugins/records/contract.ts';
import records, { type RecordsOptions } from '../../../plugins/records/index.ts';
import { MemoryRecordStore } from '../../../plugins/records/memory-store.ts';
import { opened, whenDone } from '../../helper/cleanup.ts';

/** Encryption keys, base64. */
export const kek = (fill: number): string => Buffer.alloc(32, fill).toString('base64');

export function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'postern-state-'));
  whenDone(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

export interface LogLine {
  readonly level: 'info' | 'warn' | 'error';
  readonly fields: Record<string, unknown>;
  readonly message: string;
}

export interface Process {
  readonly app: Awaited<ReturnType<typeof build>>;
  readonly lines: LogLine[];
}

async function build(options: RecordsOptions) {
  const app = opened(Fastify());
  await app.register(records, options);
  await app.ready();
  return app;
}

/** The plugin on a bare Fastify, as in a process of its own. */
export async function start(options: Partial<RecordsOptions> = {}): Promise<Process> {
  const lines: LogLine[] = [];
  const write =
    (level: LogLine['level']) =>
    (fields: unknown, message?: string): void => {
      lines.push(
        typeof fields === 'string'
          ? { level, fields: {}, message: fields }
          : { level, fields: { ...(fields as object) }, message: message ?? '' },
      );
    };
  const log = { info: write('info'), warn: write('warn'), error: write('error') } as RecordsOptions['log'];
  const app = await build({
    dataDir: options.dataDir ?? directory(),
    encryptionKey: kek(1),
    poll: 5,
    patience: 0,
    ...options,
    log: log!,
  });
  return { app, lines };
}

/** One store for several processes, which fails when it is told to, and which can be written past. */
export class SharedStore implements RecordStore {
  readonly kind = 'redis';
  readonly shared = true;
  readonly inner = new MemoryRecordStore();
  down = false;
  writes: StoredRecord[] = [];
  /** What whoever has no key put there, told before the rest. */
  forged: StoredRecord[] = [];
  /** Called before a write; throwing refuses it. */
  onWrite: (record: StoredRecord) => void = () => {};

  async changes(after: number): Promise<RecordChanges> {
    this.#check();
    const { sequence, records } = await this.inner.changes(after);
    return { sequence, records: [...this.forged, ...records] };
  }

  async write(record: StoredRecord): Promise<void> {
    this.#check();
    this.onWrite(record);
    await this.inner.write(record);
    this.writes.push(record);
  }

  async close(): Promise<void> {}

  #check(): void {
    if (this.down) throw new RecordStoreError('down');
  }
}
