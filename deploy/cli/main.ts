#!/usr/bin/env node
import { suggestion } from '../../config/nearest.ts';
import { version } from '../../plugins/version.ts';
import { CliError, type Command, type Surroundings } from './command.ts';
import { config } from './config.ts';
import { keys } from './keys.ts';
import { ledger } from './ledger.ts';
import { teams } from './teams.ts';
import { top } from './top.ts';
import { usage } from './usage.ts';

// Entry of the program `postern`.

const commands: Readonly<Record<string, Command>> = { keys, teams, usage, config, ledger, top };

function overview(): string {
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(8)} ${summary}`);
  return `postern ${version}: asks and changes a running gateway.

Usage: postern COMMAND ...   (postern COMMAND --help)

${lines.join('\n')}

The gateway itself is started with npm start, or node dist/server.js.
`;
}

/** Resolves with the exit code: 0 done, 1 failed, 2 not asked rightly. */
export async function main(args: readonly string[], around: Surroundings): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    (name === undefined ? around.err : around.out)(overview());
    return name === undefined ? 2 : 0;
  }
  if (name === '--version') {
    around.out(`${version}\n`);
    return 0;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  try {
    if (command === undefined) {
      throw new CliError(`There is no command ${name}: ${suggestion(name, Object.keys(commands), 'see --help')}`, 2);
    }
    if (rest.includes('--help') || rest.includes('-h')) {
      around.out(command.help);
      return 0;
    }
    return await command.run(rest, around);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    around.err(`postern: ${error.message}\n`);
    return error.exitCode;
  }
}

if (import.meta.main) {
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  process.once('SIGTERM', () => stop.abort());
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // A reader that has seen enough (`| head`) is no failure; a full disk is one.
    if (error.code === 'EPIPE') process.exit(0);
    process.stderr.write(`postern: the output cannot be written: ${error.message}\n`);
    process.exit(1);
  });
  process.exitCode = await main(process.argv.slice(2), {
    env: process.env,
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    now: Date.now,
    signal: stop.signal,
  });
}
