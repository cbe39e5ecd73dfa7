import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type ChainReport, verifyChain } from '../../plugins/usage/chain.ts';
import { CliError, type Command, parse, text } from './command.ts';
import { json } from './table.ts';

const help = `Usage: postern ledger verify [FILE] [--head HASH] [--json]

Holds every row of a ledger against its hash chain: tells rows that were changed, removed or put in later. Reads the file beside the
gateway that writes it. FILE is ledger.sqlite of a data directory; default: that of DATA_DIR, else ./data.

  --head HASH   a hash that an earlier run printed: also fail when the chain does not hold it any more
  --json        the report as JSON

Exit code: 0 when all is as it was written, 1 when it is not.
`;

/** Milliseconds a read waits for the gateway. */
const busyTimeout = 5_000;

function fileOf(operand: string | undefined, env: NodeJS.ProcessEnv): string {
  const path = operand ?? join(env.DATA_DIR || './data', 'ledger.sqlite');
  if (existsSync(path)) return path;
  throw new CliError(`There is no ledger at ${path}: give its file, or set DATA_DIR as for the gateway.`, 2);
}

function verify(path: string, head: string | undefined): { readonly report: ChainReport; readonly headKept: boolean } {
  let database: DatabaseSync | null = null;
  try {
    database = new DatabaseSync(path, { readOnly: true, timeout: busyTimeout });
    const report = verifyChain(database);
    const kept =
      head === undefined ||
      database
        .prepare('SELECT 1 FROM chain WHERE hash = unhex(?) UNION ALL SELECT 1 FROM anchor WHERE hash = unhex(?)')
        .get(head, head) !== undefined;
    return { report, headKept: kept };
  } catch (error) {
    throw new CliError(`${path} cannot be read as a ledger: ${(error as Error).message}.`);
  } finally {
    database?.close();
  }
}

export const ledger: Command = {
  summary: 'hold the ledger against its hash chain',
  help,
  async run([verb, ...args], { env, out, err }) {
    if (verb !== 'verify') throw new CliError(`postern ledger has ${verb === undefined ? 'one verb' : `no ${verb}`}: verify.`, 2);
    const options = { head: { type: 'string' }, json: { type: 'boolean' } } as const;
    const { values, operands } = parse(args, options, { names: ['FILE'], optional: true });
    const head = text(values, 'head');
    if (head !== undefined && !/^[0-9a-f]{64}$/i.test(head)) throw new CliError('--head takes 64 hex digits.', 2);
    const { report, headKept } = verify(fileOf(operands[0], env), head);
    const sound = report.sound && headKept;
    if (values.json === true) out(json({ ...report, head_kept: headKept }));
    else {
      out(`${report.intents} intents and ${report.settlements} settlements in ${report.batches} batches\n`);
      out(`head ${report.head.hash} (batch ${report.head.sequence})\n`);
      for (const problem of report.problems) err(`postern: ${problem}\n`);
      if (!headKept) err('postern: the chain does not hold the given head: its end was taken away, or it was written anew\n');
      out(sound ? 'as it was written\n' : 'NOT as it was written\n');
    }
    return sound ? 0 : 1;
  },
};
