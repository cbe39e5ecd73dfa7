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

/** A write per line was 20 us of each request; lines wait for this many bytes or milliseconds instead. */
const bufferBytes = 16_000;
const flushMs = 100;

/** Standard output, flushed when full, every 100 ms and at the exit of the process, whatever its cause but SIGKILL. */
function bufferedOutput(): DestinationStream {
  const output = pino.destination({ dest: 1, sync: true, minLength: bufferBytes });
  setInterval(() => output.flush(), flushMs).unref();
  process.on('exit', () => output.flushSync());
  return output;
}

function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { message: String(error) };
  const { name, message, stack } = error;
  const code = (error as NodeJS.ErrnoException).code;
  return { type: name, message, ...(code === undefined ? {} : { code }), stack };
}
