import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Mutation } from './mutation.ts';
import { mutations } from './mutations/index.ts';
import { abandon, runNamed, runs } from './named-tests.ts';
import { WorkingCopy } from './working-copy.ts';

const help = `Takes one defence after another away and looks whether its test notices.

  npm run test:defences                    all of them
  npm run test:defences -- --only ID       one; may be given again
  npm run test:defences -- --list          the ids and what each removes

Works on a copy in a temporary directory; nothing here is changed.
Exit code 0 when a test failed for every defence that was gone.
`;

const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(1).padStart(5)} s`;

/** Null when a named test failed without the defence, else what is wrong. */
async function judge(copy: WorkingCopy, mutation: Mutation): Promise<string | null> {
  return copy.without(mutation, async () => {
    const results = (await runNamed(copy.root, [mutation], true)).filter((result) => runs(result, mutation));
    if (results.length === 0) return 'no named test ran: the sources no longer load without the defence';
    return results.some(({ passed }) => !passed) ? null : 'nothing failed without it';
  });
}

/** What is wrong with the tests themselves, by mutation: with every defence in place they have to pass. */
async function examine(copy: WorkingCopy, chosen: readonly Mutation[]): Promise<Map<string, string>> {
  const results = await runNamed(copy.root, chosen, false);
  const wrong = new Map<string, string>();
  for (const mutation of chosen) {
    const named = results.filter((result) => runs(result, mutation));
    if (named.length === 0) wrong.set(mutation.id, 'no test has that name');
    else if (named.some(({ passed }) => !passed)) wrong.set(mutation.id, 'the named tests fail with the defence in place');
  }
  return wrong;
}

async function main(chosen: readonly Mutation[]): Promise<boolean> {
  const copy = new WorkingCopy(join(import.meta.dirname, '../..'));
  process.once('exit', () => copy.remove());
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      abandon();
      process.exit(1);
    });
  }
  const began = performance.now();
  const wrong = await examine(copy, chosen);
  console.log(`${seconds(began)}  the named tests of ${chosen.length} defences, all in place`);
  let failed = 0;
  for (const mutation of chosen) {
    const at = performance.now();
    const fault = wrong.get(mutation.id) ?? (await judge(copy, mutation).catch((error: unknown) => (error as Error).message));
    if (fault !== null) failed++;
    console.log(`${seconds(at)}  ${fault === null ? 'ok  ' : 'FAIL'}  ${mutation.id}${fault === null ? '' : `: ${fault}`}`);
  }
  console.log(`${seconds(began)}  in all\n${chosen.length - failed} passed, ${failed} failed`);
  return failed === 0;
}

const { values } = parseArgs({
  options: { help: { type: 'boolean' }, list: { type: 'boolean' }, only: { type: 'string', multiple: true } },
});
const unknown = (values.only ?? []).filter((id) => !mutations.some((mutation) => mutation.id === id));
if (values.help === true) console.log(help);
else if (values.list === true) for (const { id, removes } of mutations) console.log(`${id.padEnd(31)}${removes}`);
else if (unknown.length > 0) {
  console.error(`No defence is called ${unknown.join(', ')}; --list shows them.`);
  process.exitCode = 2;
} else {
  const { only } = values;
  const whole = await main(only === undefined ? mutations : mutations.filter(({ id }) => only.includes(id)));
  process.exitCode = whole ? 0 : 1;
}
