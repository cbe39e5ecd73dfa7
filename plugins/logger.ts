import type { Writable } from 'node:stream';
import type { FastifyBaseLogger } from 'fastify';
import { type DestinationStream, pino } from 'pino';
import type { Config } from '../schemas/config.ts';

/**
 * The process's logger: JSON lines on standard output, or for people when `logging.pretty`. Errors are written by an
 * allowlist (type, message, code, stack): some errors carry request headers and bodies as properties.
 */
export async function createLogger(logging: Config['logging'], destination?: Writable): Promise<FastifyBaseLogger> {
  const options = {
    level: logging.level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
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
