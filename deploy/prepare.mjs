// Makes a checkout ready to run: `node deploy/prepare.mjs install` installs the dependencies, `build` also builds dist/.
// Does nothing when nothing changed, so every npm script may call it. Runs on any Node >= 18 with nothing installed.
//
// Called inside the scripts and not as pre-scripts: npm skips pre-scripts for users who set `ignore-scripts=true`.

import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { delimiter, dirname, join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const inRoot = (...parts) => join(root, ...parts);
const modules = inRoot('node_modules');
const pinnedNode = join(modules, '.bin', 'node');
const installStamp = join(modules, '.postern-lock');
const buildStamp = inRoot('dist', '.stamp');
const lock = inRoot('.prepare-lock');
const lockStaleMs = 30_000;
const lockWaitMs = 15 * 60_000;

/** What npm puts before everything else on the PATH of a script. */
const env = { ...process.env, PATH: join(modules, '.bin') + delimiter + (process.env.PATH ?? '') };

let child = null;
let lockHeld = false;

class Failure extends Error {}
const say = (text) => process.stderr.write(`${text}\n`);
const read = (path) => (existsSync(path) ? readFileSync(path, 'utf8') : null);

/** Runs a program quietly. Resolves with its exit code (null when it could not start) and everything it printed. */
function run(command, args) {
  return new Promise((resolve) => {
    let output = '';
    child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data));
    child.on('error', (error) => {
      child = null;
      resolve({ code: null, output: `${command}: ${error.message}` });
    });
    child.on('close', (code) => {
      child = null;
      resolve({ code, output: output.trimEnd() });
    });
  });
}

// Installing

/** A checkout shared between machines (a bind mount, a copied folder) has to be installed again on each kind of machine. */
function installState() {
  const text = read(inRoot('package-lock.json'));
  if (text === null) throw new Failure(`package-lock.json is missing in ${root}. Restore it: git checkout -- package-lock.json`);
  return `${createHash('sha256').update(text).digest('hex')} ${process.platform}-${process.arch}\n`;
}

const installHints = [
  [
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH/,
    'The first start needs the npm registry once. Check the network, or set a proxy or mirror: npm config set registry URL',
  ],
  [/SELF_SIGNED|UNABLE_TO_|CERT_/, 'TLS to the npm registry failed. Behind a proxy with its own CA: npm config set cafile FILE'],
  [
    /EUSAGE|in sync/,
    'package.json and package-lock.json disagree. Run: npm install --ignore-scripts --omit-lockfile-registry-resolved',
  ],
  [/EACCES|EPERM|EROFS/, `Make ${root} writable for this user, or run as its owner.`],
  [/ENOSPC/, 'Free some disk space.'],
  [
    /EINTEGRITY/,
    'A download does not match package-lock.json. Run: npm cache clean --force; if it stays, do not use that registry.',
  ],
];

async function install() {
  say('Installing dependencies (npm ci) ...');
  rmSync(installStamp, { force: true });
  const state = installState();
  const cli = process.env.npm_execpath ?? '';
  const [command, first] = /npm-cli\.c?js$/.test(cli) ? [process.env.npm_node_execpath ?? process.execPath, [cli]] : ['npm', []];
  // The build needs the dev dependencies, also where NODE_ENV=production or --omit is set.
  const flags = [
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--prefer-offline',
    '--loglevel=error',
    '--include=dev',
    '--include=optional',
  ];
  const { code, output } = await run(command, [...first, 'ci', ...flags]);
  if (code !== 0) {
    const hint = installHints.find(([pattern]) => pattern.test(output));
    const reason = output
      .split('\n')
      .filter((line) => !/^npm error\s+at /.test(line))
      .slice(0, 12)
      .join('\n');
    const advice = hint ? `\n${hint[1]}\nThen run the command again.` : 'The reason is above.';
    throw new Failure(`${reason}\n\nInstalling the dependencies failed (npm ci in ${root}). ${advice}`);
  }
  writeFileSync(installStamp, state);
}

// The Node that runs everything

function satisfies(version, range) {
  const numbers = (text) => text.replace(/^\D+/, '').split('.').map(Number);
  const have = numbers(version);
  return range.split('||').some((alternative) => {
    const want = numbers(alternative.trim());
    const caret = alternative.trim().startsWith('^');
    const unequal = [0, 1, 2].find((i) => have[i] !== want[i]);
    return (!caret || have[0] === want[0]) && (unequal === undefined || have[unequal] > want[unequal]);
  });
}

function nodeVersion(command) {
  const { status, stdout } = spawnSync(command, ['--version'], { env, encoding: 'utf8' });
  return status === 0 ? stdout.trim() : null;
}

function checkNode() {
  const pinned = lstatSync(pinnedNode, { throwIfNoEntry: false }) !== undefined;
  // The platform packages are built for glibc; where theirs cannot run (musl), the machine's own is used.
  if (pinned && nodeVersion(pinnedNode) === null) rmSync(pinnedNode);
  const range = JSON.parse(readFileSync(inRoot('package.json'), 'utf8')).engines.node;
  const version = nodeVersion('node');
  if (version !== null && satisfies(version, range)) return;
  throw new Failure(
    `Postern needs Node ${range}, and \`node\` on the PATH is ${version ?? 'missing'}.\n` +
      `A pinned Node comes with the install on Linux x64 and arm64 with glibc only; this is ${process.platform} ${process.arch}` +
      `${pinned ? ', where it does not run' : ''}.\nInstall Node 26 (https://nodejs.org/en/download) and run the command again.`,
  );
}

// Building

/** TypeScript files of a folder, in a fixed order. */
function sources(folder, deep) {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return deep ? sources(path, deep) : [];
    return entry.name.endsWith('.ts') ? [path] : [];
  });
}

function buildState() {
  const { include } = JSON.parse(readFileSync(inRoot('tsconfig.build.json'), 'utf8'));
  const files = include.flatMap((entry) => (entry === '*.ts' ? sources(root, false) : sources(inRoot(entry), true)));
  const hash = createHash('sha256');
  for (const file of [...files, ...['tsconfig.json', 'tsconfig.build.json', 'package-lock.json'].map((name) => inRoot(name))]) {
    hash
      .update(`${relative(root, file)}\0`)
      .update(readFileSync(file))
      .update('\0');
  }
  return `${hash.digest('hex')}\n`;
}

const isBuilt = () => read(buildStamp) === buildState();

/** Built beside and swapped in whole: no stale file stays, and a build that fails leaves the last good one. */
async function build() {
  say('Building dist/ (tsc) ...');
  const state = buildState();
  const fresh = join(modules, '.postern-build');
  const old = join(modules, '.postern-old');
  for (const folder of [fresh, old]) rmSync(folder, { recursive: true, force: true });
  const { code, output } = await run(join(modules, '.bin', 'tsc'), ['-p', 'tsconfig.build.json', '--outDir', fresh]);
  if (code !== 0)
    throw new Failure(
      `${output}\n\nBuilding dist/ failed: the sources above do not compile. Mend them and run the command again.`,
    );
  writeFileSync(join(fresh, '.stamp'), state);
  if (existsSync(inRoot('dist'))) renameSync(inRoot('dist'), old);
  renameSync(fresh, inRoot('dist'));
  rmSync(old, { recursive: true, force: true });
}

// One at a time in one checkout

function lockIsStale() {
  const stat = statSync(lock, { throwIfNoEntry: false });
  if (stat === undefined) return false;
  if (Date.now() - stat.mtimeMs > lockStaleMs) return true;
  const [pid, host] = (read(join(lock, 'owner')) ?? '').split(' ');
  if (!pid || host !== hostname()) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

async function acquire() {
  let told = false;
  for (const deadline = Date.now() + lockWaitMs; ; await sleep(100)) {
    try {
      mkdirSync(lock);
      lockHeld = true;
      writeFileSync(join(lock, 'owner'), `${process.pid} ${hostname()}`);
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') {
        throw new Failure(
          `Cannot write to ${root} (${error.code}). Make it writable for this user, or run \`npm run build\` as its owner.`,
        );
      }
    }
    if (lockIsStale()) {
      // A rename is atomic: of several that saw the stale lock only one takes it away.
      const taken = `${lock}-${process.pid}`;
      try {
        renameSync(lock, taken);
        rmSync(taken, { recursive: true, force: true });
      } catch {}
      continue;
    }
    if (Date.now() > deadline) throw new Failure(`Another process still prepares this checkout. If none does, remove ${lock}`);
    if (!told) say('Another process prepares this checkout; waiting for it ...');
    told = true;
  }
}

function release() {
  if (lockHeld) rmSync(lock, { recursive: true, force: true });
  lockHeld = false;
}

async function prepare(mode) {
  const installed = () => read(installStamp) === installState();
  const ready = () => installed() && (mode === 'install' || isBuilt());
  if (ready()) return checkNode();
  await acquire();
  const beat = setInterval(() => utimesSync(lock, new Date(), new Date()), lockStaleMs / 10);
  try {
    if (!installed()) await install();
    checkNode();
    if (mode === 'build' && !isBuilt()) await build();
  } finally {
    clearInterval(beat);
    release();
  }
}

for (const [signal, code] of Object.entries({ SIGINT: 130, SIGTERM: 143, SIGHUP: 129 })) {
  process.on(signal, () => {
    const leave = () => {
      release();
      process.exit(code);
    };
    if (child === null) leave();
    child.once('exit', leave).kill('SIGTERM');
    // npm answers SIGTERM by rolling back, 10 s measured; a broken install is replaced by the next one anyway.
    setTimeout(() => child?.kill('SIGKILL'), 1000);
  });
}

const mode = process.argv[2] ?? 'build';
if (mode !== 'install' && mode !== 'build') {
  say(`Unknown argument ${mode}. Usage: node deploy/prepare.mjs [install|build]`);
  process.exit(2);
}
prepare(mode).catch((error) => {
  say(error instanceof Failure ? error.message : error.stack);
  process.exitCode = 1;
});
