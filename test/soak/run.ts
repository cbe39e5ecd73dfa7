import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Gateway, startGateway } from './gateway.ts';
import { help, type Options, readOptions, UsageError } from './options.ts';
import { type Page, readPage, type Sample, sampleOf } from './samples.ts';
import { progressLine, summary } from './summary.ts';
import { models, Traffic } from './traffic.ts';
import { type CountingUpstream, startCountingUpstream } from './upstream.ts';
import { type Findings, judge } from './verdict.ts';

// What `npm run test:soak` starts: one run, its progress on standard error, its result on standard output.

/** Every kind of call has happened and what is made once has been made. */
const warmUpMs = 10_000;
const progressMs = 5_000;
/** How long calls may take to end when no new ones come. */
const restMs = 30_000;

let stopped = false;

function say(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
  else if (text !== '') process.stderr.write(`${text}\n`);
}

/** The metrics; null when the gateway is gone. */
async function scrape(gateway: Gateway): Promise<Page | null> {
  try {
    return await readPage(gateway.managementUrl);
  } catch (error) {
    // Its sockets close before its end is reported.
    await sleep(1_000);
    if (gateway.died() !== null) return null;
    throw error;
  }
}

/** Waits until nothing is under way and the sockets kept for later are closed. Null: the gateway is gone. */
async function rest(gateway: Gateway, upstream: CountingUpstream): Promise<Page | null> {
  for (const until = performance.now() + restMs; ; await sleep(50)) {
    const page = await scrape(gateway);
    if (page === null) return null;
    const busy = page.sum('postern_in_flight');
    if (busy === 0) {
      await upstream.server.hangUp();
      await sleep(2_000);
      return scrape(gateway);
    }
    if (performance.now() > until)
      throw new Error(`${busy} calls are still under way ${restMs / 1000} s after the last one began.`);
  }
}

/** Samples until `over`, one progress line now and then. */
async function watch(gateway: Gateway, traffic: Traffic, everyMs: number, over: () => boolean): Promise<Sample[]> {
  const samples: Sample[] = [];
  const began = performance.now();
  let told = Number.NEGATIVE_INFINITY;
  for (let next = 0; !over() && gateway.died() === null; next += everyMs) {
    const page = await scrape(gateway);
    if (page === null) break;
    const sample = sampleOf(page, (performance.now() - began) / 1000);
    samples.push(sample);
    if (performance.now() - told >= progressMs) {
      told = performance.now();
      say(progressLine(sample, traffic.total, traffic.unplannedCount));
    }
    while (performance.now() - began < next + everyMs && !over()) await sleep(100);
  }
  return samples;
}

function readLedger(dataDir: string): Findings['ledger'] {
  const database = new DatabaseSync(join(dataDir, 'ledger.sqlite'), { readOnly: true });
  const number = (query: string): number => (database.prepare(query).get() as { value: number }).value;
  try {
    const groups = database.prepare('SELECT target, count(*) AS rows FROM attempts GROUP BY target').all();
    return {
      rows: Object.fromEntries((groups as { target: string; rows: number }[]).map(({ target, rows }) => [target, rows])),
      open: number("SELECT count(*) AS value FROM attempts WHERE state = 'open'"),
      twice: number('SELECT count(*) AS value FROM (SELECT 1 FROM attempts GROUP BY exchange, attempt HAVING count(*) > 1)'),
    };
  } finally {
    database.close();
  }
}

/** True when nothing was found. */
async function run(options: Options): Promise<boolean> {
  const upstream = await startCountingUpstream();
  const gateway = await startGateway(upstream.server.url, models);
  process.on('exit', () => gateway.close());
  const traffic = new Traffic(gateway.url, upstream, options.rate);
  const over = (): boolean => stopped || gateway.died() !== null;

  say('warming up');
  await traffic.run(warmUpMs, over);
  const before = (await rest(gateway, upstream))?.sum('process_open_fds') ?? Number.NaN;

  const began = performance.now();
  let done = false;
  const calling = traffic.run(options.minutes * 60_000, over).finally(() => {
    done = true;
  });
  const samples = await watch(gateway, traffic, Math.min(15_000, Math.max(1_000, options.minutes * 100)), () => done);
  await calling;
  const minutes = (performance.now() - began) / 60_000;

  say('');
  const last = await rest(gateway, upstream);
  const death = gateway.died();
  const code = await gateway.stop();
  const found: Findings = {
    minutes,
    perSecond: options.rate,
    samples,
    idleDescriptors: [before, last?.sum('process_open_fds') ?? Number.NaN],
    unplanned: traffic.unplanned,
    errorLines: gateway.errors(),
    death: death ?? (code === 0 ? null : `told to stop, it ended with ${code}`),
    ledger: readLedger(gateway.dataDir),
    upstream: upstream.counts,
    attempts: last?.sum('postern_attempts_total') ?? Number.NaN,
  };
  const verdict = judge(found);
  process.stdout.write(`${summary(found, verdict, traffic.calls)}\n`);
  if (options.report !== null) {
    const { errorLines } = found;
    const readable = { ...found, unplanned: Object.fromEntries(found.unplanned), errorLines };
    writeFileSync(options.report, `${JSON.stringify({ options, calls: traffic.calls, verdict, ...readable }, null, 1)}\n`);
  }
  await upstream.server.close();
  return verdict.faults.length === 0;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (stopped) process.exit(1);
    stopped = true;
    say('ending early; once more to leave at once\n');
  });
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options === null) process.stdout.write(help);
  else process.exitCode = (await run(options)) ? 0 : 1;
} catch (error) {
  const usage = error instanceof UsageError;
  process.stderr.write(
    usage ? `${(error as Error).message}\n\n${help}` : `\nThe soak test failed. ${(error as Error).message}\n`,
  );
  process.exit(usage ? 2 : 1);
}
