import type { Writable } from 'node:stream';
import type { FastifyBaseLogger } from 'fastify';
import { type DestinationStream, pino, symbols } from 'pino';
import type { Config } from '../schemas/config.ts';

/**
 * The process's logger: JSON lines on standard output, or for people when `logging.pretty`. Errors are written by an
 * allowlist (type, message, code, stack): some errors carry request headers and bodies as properties.
 */
export async function createLogger(logging: Config['logging'], destination?: Writable): Promise<FastifyBaseLogger> {
  const options = {
    level: logging.level,
    base: null,
    timestamp: () => `,"time":"${isoTime(Date.now())}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: describeError },
  };
  if (logging.pretty && destination === undefined) {
    const { default: pretty } = await import('pino-pretty');
    return pino(options, pretty({ sync: true, ignore: 'pid,hostname' })) as unknown as FastifyBaseLogger;
  }
  const stream = destination ?? bufferedOutput();
  return pino(options, stream as DestinationStream) as unknown as FastifyBaseLogger;
}

let second = 0;
let prefix = '';

/** RFC 3339 text of a time (unix milliseconds), as the logger writes it; the part above a second is kept. */
export function isoTime(ms: number): string {
  const rest = ms % 1000;
  if (prefix === '' || ms - rest !== second) {
    second = ms - rest;
    prefix = new Date(second).toISOString().slice(0, 20);
  }
  return `${prefix}${String(rest).padStart(3, '0')}Z`;
}

/** Writes finished lines of level `info` where the logger writes its own. Another kind of logger writes none. */
export function lineWriter(log: FastifyBaseLogger): (line: () => string) => void {
  const { [symbols.streamSym]: stream, isLevelEnabled } = log as unknown as {
    readonly [symbols.streamSym]?: DestinationStream;
    isLevelEnabled?(level: string): boolean;
  };
  return (line) => {
    if (stream !== undefined && isLevelEnabled?.call(log, 'info') === true) stream.write(line());
  };
}

/** A write per line was 20 us of each request; lines wait for this many characters or milliseconds instead. */
const bufferLength = 16_000;
const flushMs = 100;

/**
 * Standard output, flushed when full, every 100 ms and at the exit of the process, whatever its cause but SIGKILL. Lines are
 * gathered here: the stream's own buffer copies what it holds for every line that is added, 6 kB a call.
 */
function bufferedOutput(): DestinationStream & { flushSync(): void } {
  const output = pino.destination({ dest: 1, sync: true });
  let lines: string[] = [];
  let length = 0;
  const flush = (): void => {
    if (lines.length === 0) return;
    const text = lines.join('');
    lines = [];
    length = 0;
    output.write(text);
  };
  const flushSync = (): void => {
    flush();
    output.flushSync();
  };
  setInterval(flush, flushMs).unref();
  process.on('exit', flushSync);
  return {
    write(line) {
      lines.push(line);
      length += line.length;
      if (length >= bufferLength) flush();
    },
    flushSync,
  };
}

function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { message: String(error) };
  const { name, message, stack } = error;
  const code = (error as NodeJS.ErrnoException).code;
  return { type: name, message, ...(code === undefined ? {} : { code }), stack };
}
