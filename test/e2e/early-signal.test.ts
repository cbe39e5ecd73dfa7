import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';

const early = join(import.meta.dirname, '../../plugins/lifecycle/early-signals.ts');

/** A process that is still starting (it only waits), signalled by pid. */
async function signalled(script: string): Promise<{ code: number | null; signal: string | null }> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  child.kill('SIGTERM');
  const [code, signal] = (await Promise.race([once(child, 'exit'), sleep(10_000, ['hangs', null])])) as [
    number | null,
    string | null,
  ];
  child.kill('SIGKILL');
  return { code, signal };
}

test('L1: a signal during the start ends the process in order, also where it is process 1', async () => {
  const start = `import ${JSON.stringify(early)}; console.log('up'); setTimeout(() => {}, 60_000);`;
  expect(await signalled(start)).toEqual({ code: 0, signal: null });
});

test('L1: once the gateway handles signals itself, the early handler is gone', async () => {
  const handled = `import { startIsInterruptible } from ${JSON.stringify(early)}; startIsInterruptible(false);
    process.once('SIGTERM', () => process.exit(7)); console.log('up'); setTimeout(() => {}, 60_000);`;
  expect(await signalled(handled)).toEqual({ code: 7, signal: null });
});
