import { checkReport } from '../../config/report.ts';
import { findRoot } from '../../config/root.ts';
import { providerTypes } from '../../providers/index.ts';
import { CliError, type Command } from './command.ts';

const help = `Usage: postern config check [--json]

Reads the configuration as the server would, and prints the effective values, secrets redacted, each with its origin.
Starts nothing and connects to nothing. Exit code: 0 when it is valid, 1 when it is not.
`;

export const config: Command = {
  summary: 'check the configuration',
  help,
  async run([verb, ...args], { env, out, err }) {
    if (verb !== 'check') throw new CliError(`postern config has ${verb === undefined ? 'one verb' : `no ${verb}`}: check.`, 2);
    const report = checkReport({ args, root: findRoot(), env: { NODE_ENV: 'production', ...env }, types: providerTypes });
    out(report.stdout);
    err(report.stderr);
    return report.exitCode;
  },
};
