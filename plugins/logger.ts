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
  const stream = destination ?? pino.destination({ dest: 1, sync: true });
  return pino(options, stream as DestinationStream) as unknown as FastifyBaseLogger;
}

function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { message: String(error) };
  const { name, message, stack } = error;
  const code = (error as NodeJS.ErrnoException).code;
  return { type: name, message, ...(code === undefined ? {} : { code }), stack };
}
