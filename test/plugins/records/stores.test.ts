import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from 'vitest';
import { MemoryRecordStore } from '../../../plugins/records/memory-store.ts';
import { SqliteRecordStore } from '../../../plugins/records/sqlite-store.ts';
import { whenDone } from '../../helper/cleanup.ts';
import { recordStoreSuite } from './store-suite.ts';

const dir = mkdtempSync(join(tmpdir(), 'postern-records-'));
whenDone(() => rmSync(dir, { recursive: true, force: true }));

describe('stores of records', () => {
  recordStoreSuite('memory', { kind: 'memory', open: () => new MemoryRecordStore(), lasting: false });
  recordStoreSuite('SQLite', {
    kind: 'sqlite',
    open: (place) => new SqliteRecordStore(join(dir, `${place}.sqlite`)),
    lasting: true,
  });
});
