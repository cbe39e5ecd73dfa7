import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { LedgerFile, type ReadRequest } from './ledger-file.ts';

// The thread behind `LedgerReader`. It answers every request once.

export interface ReadReply {
  /** Why it cannot be read; null: it was. */
  readonly problem: string | null;
  readonly found: unknown;
}

/** Milliseconds a read waits for another connection. */
const busyTimeout = 2_000;

const file = new LedgerFile(new DatabaseSync(workerData as string, { readOnly: true, timeout: busyTimeout }));

parentPort!.on('message', (request: ReadRequest) => {
  let reply: ReadReply;
  try {
    reply = { problem: null, found: file.read(request) };
  } catch (error) {
    reply = { problem: (error as Error).message, found: null };
  }
  parentPort!.postMessage(reply);
});
