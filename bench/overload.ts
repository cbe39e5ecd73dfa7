import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { requestBody } from './messages.ts';
import { OverloadLoad, type OverloadResult } from './overload-load.ts';
import { killAll, leaveSubjectCore, start, startUpstream } from './process.ts';
import { subjects } from './subjects.ts';

// More calls than the process can serve: `node bench/overload.ts [--dist DIR] [--seconds N] [--connections N]
// [--kilobytes N]`. The peak is what it serves to 64 callers; then calls come at several times that rate, whatever is still open. The
// requests are large, so that it is the gateway and not the load that has too much to do.

const { values } = parseArgs({
  options: {
    dist: { type: 'string' },
    seconds: { type: 'string' },
    connections: { type: 'string' },
    kilobytes: { type: 'string' },
  },
});
const seconds = Number(values.seconds ?? 5);
const connections = Number(values.connections ?? 4_000);
const kilobytes = Number(values.kilobytes ?? 48);
const callers = 64;
const warmUpMs = 4_000;
const peakMs = 3_000;
/** Of the peak, after the load: recovered when a quarter of a second passes with nothing refused. */
const afterwards = 0.5;
const recoveryStepMs = 250;
const recoveryLimitMs = 10_000;

const scratch = mkdtempSync(join(tmpdir(), 'postern-overload-'));
process.on('exit', () => {
  killAll();
  rmSync(scratch, { recursive: true, force: true });
});

const at = (sorted: readonly number[], part: number): string =>
  sorted.length === 0 ? '-' : sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!.toFixed(0);

function line(name: string, { offered, goodput, good, refused, failed, unsent }: OverloadResult, peak: number): string {
  return [
    name.padEnd(8),
    `${offered.toFixed(0).padStart(6)}/s offered`,
    `${goodput.toFixed(0).padStart(6)}/s served, ${((goodput / peak) * 100).toFixed(0)} % of the peak`,
    `p50 ${at(good, 0.5)} p99 ${at(good, 0.99)} ms`,
    `${refused.length} refused, p50 ${at(refused, 0.5)} p99 ${at(refused, 0.99)} ms`,
    `${failed} failed, ${unsent} not sent`,
  ].join(' | ');
}

leaveSubjectCore();
const dist = resolve(values.dist ?? join(import.meta.dirname, '../dist'));
const subject = subjects({ dist, scratch, profile: null }).find(({ id }) => id === 'gateway')!;
const upstream = await startUpstream();
const launch = await subject.launch(upstream.url);
const gateway = await start(launch);
const small = JSON.parse(requestBody(false).toString()) as { messages: { role: string; content: string }[] };
small.messages.push({ role: 'user', content: 'As before, and with this. '.repeat((kilobytes * 1024) / 26) });
const body = Buffer.from(JSON.stringify(small));
const few = new OverloadLoad(launch.port, subject.headers, callers, body);
await few.run(100_000, warmUpMs);
const { goodput: peak } = await few.run(100_000, peakMs);
few.close();
process.stdout.write(`peak ${peak.toFixed(0)}/s with ${callers} callers\n`);
const load = new OverloadLoad(launch.port, subject.headers, connections, body);
for (const times of [0.7, 1, 2, 5]) {
  process.stdout.write(`${line(`${times} x`, await load.run(peak * times, seconds * 1000), peak)}\n`);
  const ended = performance.now();
  for (;;) {
    const { refused, failed } = await load.run(peak * afterwards, recoveryStepMs);
    const passed = performance.now() - ended;
    if (refused.length + failed > 0 && passed < recoveryLimitMs) continue;
    process.stdout.write(
      `         recovered within ${(passed / 1000).toFixed(1)} s, ${(gateway.use().rss / 1e6).toFixed(0)} MB resident\n`,
    );
    break;
  }
}
load.close();
await gateway.stop();
await upstream.stop();
