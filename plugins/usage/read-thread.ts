import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { LedgerFile, type ReadRequest } from './ledger-file.ts';

// The thread behind `LedgerReader`. It answers every request once.

export interface ReadReply {
  /** Why it cannot be read; null: it was. */
  readonly problem: string | null;
  readonly found: unknown;
}

export interface ReadSetup {
  /** The ledger's file. */
  readonly path: string;
  /** Data directory with the sums of other replicas; null where there are none. */
  readonly fleetDir: string | null;
}

/** Milliseconds a read waits for another connection. */
const busyTimeout = 2_000;

const { path, fleetDir } = workerData as ReadSetup;
const file = new LedgerFile(new DatabaseSync(path, { readOnly: true, timeout: busyTimeout }), fleetDir);

parentPort!.on('message', (request: ReadRequest) => {
  let reply: ReadReply;
  try {
    reply = { problem: null, found: file.read(request) };
  } catch (error) {
    reply = { problem: (error as Error).message, found: null };
  }
  parentPort!.postMessage(reply);
});
