import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

// The Redis or Valkey server that the tests start for themselves. As vitest's global set-up this file puts one in place once, where
// that is allowed: as root under CI or in a container. Everywhere else a test that needs it fails and says what to run.

const names = ['redis-server', 'valkey-server'] as const;
const packages = 'redis-server';

/** Path of a server on PATH; undefined when there is none. */
function found(): string | undefined {
  for (const directory of (process.env.PATH ?? '').split(delimiter)) {
    for (const name of names) {
      const path = join(directory, name);
      if (directory !== '' && existsSync(path)) return path;
    }
  }
  return undefined;
}

const inContainer = (): boolean =>
  existsSync('/.dockerenv') || existsSync('/run/.containerenv') || (process.env.container ?? '') !== '';

function mayInstall(): boolean {
  return process.getuid?.() === 0 && existsSync('/usr/bin/apt-get') && ((process.env.CI ?? '') !== '' || inContainer());
}

function install(): void {
  // RUNLEVEL=1 keeps the package from starting a service of its own (invoke-rc.d).
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  for (const args of [
    ['update', '-q'],
    ['install', '-q', '-y', '--no-install-recommends', packages],
  ]) {
    spawnSync('/usr/bin/apt-get', args, { env, stdio: 'ignore', timeout: 240_000 });
  }
}

/** Path of the server. Throws with the line to run when there is none and it may not be installed. */
export function redisBinary(): string {
  const path = found();
  if (path !== undefined) return path;
  throw new Error(
    `These tests need a Redis or Valkey server. Run: sudo apt-get install -y ${packages} (macOS: brew install redis; or any that puts ${names.join(' or ')} on PATH).`,
  );
}

/** Vitest's global set-up. */
export function setup(): void {
  if (found() === undefined && mayInstall()) install();
}
