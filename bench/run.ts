import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { excess } from './gate.ts';
import { runMicro } from './micro/run.ts';
import { help, type Options, readOptions, UsageError } from './options.ts';
import { killAll, leaveSubjectCore, startUpstream } from './process.ts';
import { asJson, report } from './report.ts';
import { measure } from './rounds.ts';
import { subjects } from './subjects.ts';

// What `npm run bench` starts: one run, its progress on standard error, its report on standard output.

const scratch = mkdtempSync(join(tmpdir(), 'postern-bench-'));

/** `stripTypeScriptTypes` announces on every run that it may change. */
process.removeAllListeners('warning');
process.on('warning', (warning) => {
  if (warning.name !== 'ExperimentalWarning') process.stderr.write(`${warning.name}: ${warning.message}\n`);
});

function progress(step: string): void {
  const text = step === '' ? '' : `${(performance.now() / 1000).toFixed(0).padStart(3)} s  ${step}`;
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
  else process.stderr.write(`${text}\n`);
}

async function run(options: Options): Promise<void> {
  const under = options.parts;
  if (under.has('json') || under.has('stream') || under.has('startup')) {
    if (options.profile !== null) mkdirSync(options.profile, { recursive: true });
    leaveSubjectCore();
    const list = subjects({ dist: options.dist, scratch, profile: options.profile });
    const upstream = await startUpstream();
    const results = await measure(list, upstream, options, progress);
    await upstream.stop();
    progress('');
    process.stdout.write(`${report(list, results, options)}\n`);
    if (options.json !== null) writeFileSync(options.json, asJson(list, results, options));
    if (options.gate) {
      const lines = excess(results, 'gateway', list[0]!.id);
      process.stdout.write(lines.length === 0 ? '\nWithin the limits.\n' : `\n${lines.join('\n')}\n`);
      if (lines.length > 0) process.exitCode = 1;
    }
  }
  if (under.has('micro')) runMicro(scratch, (line) => process.stdout.write(`${line}\n`));
}

process.on('exit', () => {
  killAll();
  rmSync(scratch, { recursive: true, force: true });
});
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const)
  process.on(signal, () => process.exit(code));

try {
  const options = readOptions(process.argv.slice(2));
  if (options === null) process.stdout.write(help);
  else await run(options);
} catch (error) {
  if (error instanceof UsageError) process.stderr.write(`${error.message}\n\n${help}`);
  else process.stderr.write(`\nThe benchmark failed. ${(error as Error).message}\n`);
  process.exit(error instanceof UsageError ? 2 : 1);
}
