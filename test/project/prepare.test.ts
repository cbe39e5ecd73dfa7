import { existsSync, readFileSync, utimesSync } from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Checkout } from './checkout.ts';

/** A process id that is not in use: pid_max is at most 2^22. */
const deadPid = 4_194_305;

describe('installing', () => {
  it('installs a fresh clone without install scripts and with what the build needs', async () => {
    const checkout = new Checkout();
    const { code, output } = await checkout.run('install', { NODE_ENV: 'production' });
    expect({ code, output }).toEqual({ code: 0, output: 'Installing dependencies (npm ci) ...\n' });
    const [call] = checkout.lines('npm.log');
    expect(call).toMatch(/^ci /);
    for (const flag of ['--ignore-scripts', '--no-audit', '--no-fund', '--include=dev', '--include=optional'])
      expect(call).toContain(flag);
  });

  it('says and does nothing the second time', async () => {
    const checkout = new Checkout();
    await checkout.run('build');
    expect(await checkout.run('build')).toEqual({ code: 0, output: '' });
    expect(checkout.lines('npm.log')).toHaveLength(1);
    expect(checkout.lines('tsc.log')).toHaveLength(1);
  });

  it('installs again when the lockfile changes', async () => {
    const checkout = new Checkout();
    await checkout.run('install');
    checkout.write('package-lock.json', '{ "lockfileVersion": 3, "packages": {} }');
    await checkout.run('install');
    expect(checkout.lines('npm.log')).toHaveLength(2);
  });

  it('installs again when node_modules came from another kind of machine', async () => {
    const checkout = new Checkout();
    await checkout.run('install');
    const [stamp] = checkout.lines('node_modules/.postern-lock');
    expect(stamp).toMatch(new RegExp(` ${process.platform}-${process.arch}$`));
    checkout.write('node_modules/.postern-lock', `${stamp?.split(' ')[0]} other-machine\n`);
    await checkout.run('install');
    expect(checkout.lines('npm.log')).toHaveLength(2);
  });

  it('a failed install says why and what to do, and is tried again by the next run', async () => {
    const checkout = new Checkout();
    await checkout.run('install');
    checkout.write('package-lock.json', '{ "lockfileVersion": 4 }');
    checkout.write('npm-fails', 'npm error code ENOTFOUND registry');
    const failed = await checkout.run('install');
    expect(failed.code).toBe(1);
    expect(failed.output).toContain('npm error code ENOTFOUND registry');
    expect(failed.output).toContain('needs the npm registry once');
    expect(failed.output).not.toContain('prepare.mjs:');
    checkout.remove('npm-fails');
    expect((await checkout.run('install')).code).toBe(0);
    expect(checkout.lines('npm.log')).toHaveLength(3);
  });

  it('an install that broke off is not trusted when the old lockfile comes back', async () => {
    const checkout = new Checkout();
    await checkout.run('install');
    const [lockfile] = checkout.lines('package-lock.json');
    checkout.write('package-lock.json', '{ "lockfileVersion": 4 }');
    checkout.write('npm-fails-at-once', '');
    await checkout.run('install');
    checkout.remove('npm-fails-at-once');
    checkout.write('package-lock.json', lockfile ?? '');
    await checkout.run('install');
    expect(checkout.lines('npm.log')).toHaveLength(3);
  });
});

describe('the Node that will run', () => {
  it('an unsupported one is refused with the range, what was found and what to do', async () => {
    const checkout = new Checkout();
    checkout.script('pinned-node', 'echo v25.3.0');
    const { code, output } = await checkout.run('build');
    expect(code).toBe(1);
    expect(output).toContain('Postern needs Node ^24.18.1 || >=26.5.1, and `node` on the PATH is v25.3.0.');
    expect(output).toContain('https://nodejs.org');
    expect(checkout.has('dist')).toBe(false);
  });

  it.each([
    ['v24.18.0', 1],
    ['v24.18.1', 0],
    ['v24.21.0', 0],
    ['v26.5.0', 1],
    ['v26.5.1', 0],
    ['v26.10.0', 0],
    ['v28.0.0', 0],
  ])('%s exits with %i', async (version, expected) => {
    const checkout = new Checkout();
    checkout.script('pinned-node', `echo ${version}`);
    expect((await checkout.run('install')).code).toBe(expected);
  });

  it('is looked at again when nothing has to be installed', async () => {
    const checkout = new Checkout();
    await checkout.run('install');
    checkout.remove('node_modules/.bin/node');
    checkout.script('node_modules/.bin/node', 'echo v20.20.2');
    expect((await checkout.run('install')).code).toBe(1);
  });

  it('a pinned one that cannot run here gives way to the one on the PATH', async () => {
    const checkout = new Checkout();
    checkout.script('pinned-node', 'exit 127');
    checkout.link('elsewhere/node', process.execPath);
    expect((await checkout.run('install', { PATH: checkout.path('elsewhere') })).code).toBe(0);
    expect(checkout.has('node_modules/.bin/node')).toBe(false);
  });
});

describe('building', () => {
  it('does not build for `install`', async () => {
    const checkout = new Checkout();
    await checkout.run('install');
    expect(checkout.has('dist')).toBe(false);
  });

  it('builds again when a source changes, not when only its time does', async () => {
    const checkout = new Checkout();
    await checkout.run('build');
    utimesSync(checkout.path('config/a.ts'), new Date(), new Date(Date.now() + 60_000));
    await checkout.run('build');
    expect(checkout.lines('tsc.log')).toHaveLength(1);
    checkout.write('config/a.ts', 'export const a = 2;');
    await checkout.run('build');
    expect(checkout.lines('tsc.log')).toHaveLength(2);
    expect(checkout.lines('dist/a.js')).toEqual(['export const a = 2;']);
  });

  it('builds again when dist/ is gone', async () => {
    const checkout = new Checkout();
    await checkout.run('build');
    checkout.remove('dist');
    await checkout.run('build');
    expect(checkout.has('dist/a.js')).toBe(true);
  });

  it('leaves nothing in dist/ of a source that was removed', async () => {
    const checkout = new Checkout();
    checkout.write('config/b.ts', 'export const b = 1;');
    await checkout.run('build');
    expect(checkout.has('dist/b.js')).toBe(true);
    checkout.remove('config/b.ts');
    await checkout.run('build');
    expect(checkout.has('dist/b.js')).toBe(false);
  });

  it('a failed build shows the diagnostics and keeps the last good dist/', async () => {
    const checkout = new Checkout();
    await checkout.run('build');
    checkout.write('config/a.ts', 'broken');
    const { code, output } = await checkout.run('build');
    expect(code).toBe(1);
    expect(output).toContain('config/a.ts(1,1): error TS1005');
    expect(output).toContain('do not compile');
    expect(checkout.lines('dist/a.js')).toEqual(['export const a = 1;']);
  });
});

describe('one at a time', () => {
  it('two runs in one checkout install and build once, and both succeed', async () => {
    const checkout = new Checkout();
    checkout.write('npm-sleeps', '500');
    const [first, second] = await Promise.all([checkout.run('build'), checkout.run('build')]);
    expect([first.code, second.code]).toEqual([0, 0]);
    expect(checkout.lines('npm.log')).toHaveLength(1);
    expect(checkout.lines('tsc.log')).toHaveLength(1);
    expect(first.output + second.output).toContain('Another process prepares this checkout; waiting for it ...');
  });

  it('a checkout that is ready waits for nobody', async () => {
    const checkout = new Checkout();
    await checkout.run('build');
    checkout.write('.prepare-lock/owner', `${process.pid} ${hostname()}`);
    expect(await checkout.run('build')).toEqual({ code: 0, output: '' });
  });

  it('a lock whose owner is dead is taken over at once', async () => {
    const checkout = new Checkout();
    checkout.write('.prepare-lock/owner', `${deadPid} ${hostname()}`);
    expect((await checkout.run('install')).code).toBe(0);
    expect(checkout.has('.prepare-lock')).toBe(false);
  });

  it('a lock of another host is taken over when it is no longer renewed', async () => {
    const checkout = new Checkout();
    checkout.write('.prepare-lock/owner', '1 another-host');
    const old = new Date(Date.now() - 60_000);
    utimesSync(checkout.path('.prepare-lock'), old, old);
    expect((await checkout.run('install')).code).toBe(0);
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s ends npm, frees the lock and exits with %i', async (signal, expected) => {
    const checkout = new Checkout();
    checkout.write('npm-sleeps', '60000');
    const { process: child, ended } = checkout.start('install');
    while (!existsSync(checkout.path('npm-pid'))) await sleep(20);
    child.kill(signal);
    expect((await ended).code).toBe(expected);
    expect(checkout.has('.prepare-lock')).toBe(false);
    expect(checkout.has('node_modules/.postern-lock')).toBe(false);
    const npm = Number(readFileSync(checkout.path('npm-pid'), 'utf8'));
    expect(() => process.kill(npm, 0)).toThrow('ESRCH');
  });
});
