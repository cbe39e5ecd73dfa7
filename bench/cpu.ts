import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** What a process has used so far. */
export interface ProcessUse {
  /** Microseconds on a core, user and system, over all threads. */
  readonly cpuUs: number;
  /** Resident bytes. */
  readonly rss: number;
}

/**
 * Linux: nanoseconds on a core per thread from `/proc/PID/task/TID/schedstat` (Documentation/scheduler/sched-stats: first field;
 * `/proc/PID/stat` counts in ticks of 10 ms, too coarse for a sample), resident pages from `statm`. Elsewhere: `ps`, in hundredths of a second.
 * Throws when the process is gone.
 */
export function processUse(pid: number): ProcessUse {
  if (process.platform !== 'linux') return fromPs(pid);
  let ns = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) ns += onCore(`/proc/${pid}/task/${task}/schedstat`);
  const [, resident] = readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ');
  return { cpuUs: ns / 1000, rss: Number(resident) * 4096 };
}

function onCore(path: string): number {
  try {
    return Number(readFileSync(path, 'utf8').split(' ', 1)[0]);
  } catch {
    // A thread that ended between the listing and the reading.
    return 0;
  }
}

function fromPs(pid: number): ProcessUse {
  const text = execFileSync('ps', ['-o', 'time=,rss=', '-p', String(pid)], { encoding: 'utf8' }).trim();
  const [time = '', rss = '0'] = text.split(/\s+/);
  const seconds = time.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
  return { cpuUs: seconds * 1e6, rss: Number(rss) * 1024 };
}
