import { readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { DecisionTable } from './decision-table.ts';
import { parseJournal } from './journal.ts';
import { Retention } from './retention.ts';
import { RowWriter } from './row-writer.ts';

// The thread behind `Applier`. It answers every request once.

/** `problem`: why nothing of the request is in the file; null: it is, but for the rows with these ids, which the file refuses. */
export interface ApplyReply {
  readonly problem: string | null;
  readonly refused: readonly number[];
}

export interface ApplySetup {
  /** The ledger's file. */
  readonly path: string;
  readonly synchronous: 'NORMAL' | 'FULL';
}

export interface ApplyRequest {
  /** A journal that nobody appends to; null: only the rest. */
  readonly journal: string | null;
  /** Every row below it is settled; null: not to be noted now. */
  readonly settledBelow: number | null;
  /** Also find out whether the file can grow. */
  readonly probe: boolean;
  /** Decisions of calls; absent for none. */
  readonly decisions?: readonly string[];
  /** What was written before it is removed little by little, unix milliseconds; absent: not now. */
  readonly removeBefore?: number;
}

/** Milliseconds a write waits for another connection. */
const busyTimeout = 5_000;
/** Milliseconds between two bites of what is removed: what waits comes in between. */
const biteEvery = 100;

const { path, synchronous } = workerData as ApplySetup;
const database = new DatabaseSync(path, { timeout: busyTimeout });
database.exec(`PRAGMA synchronous = ${synchronous}`);
const rows = new RowWriter(database);
const decided = new DecisionTable(database);
const retention = new Retention(database);
let bites: NodeJS.Timeout | null = null;

function removeBefore(cutoff: number): void {
  if (bites !== null) clearTimeout(bites);
  bites = null;
  try {
    if (retention.removeSome(cutoff)) bites = setTimeout(() => removeBefore(cutoff), biteEvery);
  } catch {
    // A file that cannot be written is found, and told, by the next write.
  }
}

function handle({ journal, settledBelow, probe, decisions, removeBefore: cutoff }: ApplyRequest): readonly number[] {
  const refused = journal === null ? [] : rows.write(parseJournal(readFileSync(journal)).writes);
  if (settledBelow !== null) rows.settledBelow(settledBelow);
  if (probe) rows.probe();
  if (decisions !== undefined) decided.write(decisions);
  if (cutoff !== undefined) removeBefore(cutoff);
  return refused;
}

parentPort!.on('message', (request: ApplyRequest) => {
  let reply: ApplyReply;
  try {
    reply = { problem: null, refused: handle(request) };
  } catch (error) {
    reply = { problem: (error as Error).message, refused: [] };
  }
  parentPort!.postMessage(reply);
});
