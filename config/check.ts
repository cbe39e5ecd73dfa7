import { providerTypes } from '../providers/index.ts';
import { checkReport } from './report.ts';
import { findRoot } from './root.ts';

// Entry of `npm run check`; `config/report.ts` says what it prints.

const { stdout, stderr, exitCode } = checkReport({
  args: process.argv.slice(2),
  root: findRoot(),
  env: process.env,
  types: providerTypes,
});
process.stdout.write(stdout);
process.stderr.write(stderr);
process.exitCode = exitCode;
