import { setTimeout as sleep } from 'node:timers/promises';
import { AdminClient, connection } from './admin-client.ts';
import { CliError, type Command, count, parse, type Surroundings, text } from './command.ts';
import { milliseconds } from './duration.ts';
import { Scrape } from './metrics-text.ts';
import { measures, type Readings, readings } from './readings.ts';
import { crossed, shownValue, type Threshold, thresholds } from './thresholds.ts';

const help = `Usage: postern top [--interval 2s] [--count N] [--json] [--fail-when CONDITIONS]

What a gateway does right now, from its /metrics: rates, latencies, lateness of its event loop, memory. Goes on until Ctrl-C.

  --interval DURATION    between two readings; default 2s
  --count N              so many readings, then end
  --json                 one JSON document a line for each reading
  --fail-when LIST       end with exit code 1 at the first reading that crosses one of these, separated by commas:
                         p99>2s,error_rate>5%,loop_delay>200ms,memory>1GiB,requests_per_second<1
                         Measures: ${measures.slice(0, 8).join(', ')},
                         ${measures.slice(8).join(', ')}
  --url URL              management listener; default: MANAGEMENT_LISTEN, else http://127.0.0.1:4001

Exit code: 0 when nothing was crossed, 1 when something was or the gateway does not answer.
`;

const { url } = connection;
const options = {
  url,
  json: { type: 'boolean' },
  interval: { type: 'string' },
  count: { type: 'string' },
  'fail-when': { type: 'string' },
} as const;

const names: Readonly<Record<keyof Readings, string>> = {
  requests_per_second: 'calls/s',
  error_rate: 'failed',
  in_flight: 'in flight',
  p50: 'duration p50',
  p99: 'duration p99',
  first_content_p50: 'first content p50',
  first_content_p99: 'first content p99',
  overhead_p50: 'gateway adds p50',
  overhead_p99: 'gateway adds p99',
  tokens_per_second: 'tokens/s',
  cost_per_hour: 'cost/h',
  loop_delay: 'loop delay p99',
  cpu: 'cpu',
  memory: 'memory',
  shed_per_second: 'shed/s',
};

/** One reading for people. */
export function page(now: Readings): string {
  return measures.map((measure) => `${names[measure].padEnd(18)} ${shownValue(measure, now[measure]).padStart(10)}\n`).join('');
}

async function scrape(client: AdminClient): Promise<Scrape> {
  const answer = await client.request('GET', '/metrics');
  if (answer.status !== 200) throw new CliError(`GET /metrics: ${answer.status}. Is --url the management listener?`);
  return new Scrape(answer.text, performance.now());
}

function show(now: Readings, asJson: boolean, { out, env }: Surroundings, first: boolean): void {
  if (asJson) out(`${JSON.stringify(now)}\n`);
  // On a terminal each reading takes the place of the one before.
  else out(`${!first && process.stdout.isTTY && env.TERM !== 'dumb' ? `\x1b[${measures.length + 1}A\x1b[J` : ''}${page(now)}\n`);
}

/** Resolves with false once stopped. */
const waited = (ms: number, signal: AbortSignal): Promise<boolean> => sleep(ms, true, { signal }).catch(() => false);

async function run(args: readonly string[], around: Surroundings): Promise<number> {
  const { values } = parse(args, options, { names: [] });
  const interval = milliseconds(text(values, 'interval') ?? '2s', '--interval');
  if (interval < 100) throw new CliError('--interval is 100ms at least.', 2);
  const limits: readonly Threshold[] = text(values, 'fail-when') === undefined ? [] : thresholds(text(values, 'fail-when')!);
  const most = count(values, 'count') ?? Number.POSITIVE_INFINITY;
  const client = new AdminClient(values, around.env);
  let before = await scrape(client);
  for (let taken = 0; taken < most && (await waited(interval, around.signal)); taken++) {
    const after = await scrape(client);
    const now = readings(before, after);
    show(now, values.json === true, around, taken === 0);
    const failures = crossed(now, limits);
    if (failures.length > 0) {
      around.err(failures.map((failure) => `postern: ${failure}\n`).join(''));
      return 1;
    }
    before = after;
  }
  return 0;
}

export const top: Command = { summary: 'what a gateway does right now; exit code by thresholds', help, run };
