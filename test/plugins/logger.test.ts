import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createLogger } from '../../plugins/logger.ts';
import type { Config } from '../../schemas/config.ts';

async function logger(changes: Partial<Config['logging']> = {}) {
  const lines: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(...String(chunk).trimEnd().split('\n'));
      done();
    },
  });
  const log = await createLogger({ level: 'info', pretty: false, access: true, decisions: false, ...changes }, stream);
  return { log, lines, last: () => JSON.parse(lines.at(-1)!) as Record<string, unknown> };
}

describe('log lines', () => {
  it('are JSON with the level as a word and the time as a text, and name no process or host', async () => {
    const { log, last } = await logger();
    log.info({ provider: 'one' }, 'hello');
    expect(last()).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      provider: 'one',
      msg: 'hello',
    });
  });

  it('are left out below the level', async () => {
    const { log, lines } = await logger({ level: 'warn' });
    log.info('no');
    log.warn('yes');
    expect(lines).toHaveLength(1);
  });

  it('security 37: show of an error its type, message, code and stack, and nothing it carries', async () => {
    const { log, lines, last } = await logger();
    const error = Object.assign(new TypeError('went wrong'), {
      code: 'EWRONG',
      headers: { authorization: 'Bearer canary-1' },
      body: 'canary-2',
      cause: new Error('canary-3'),
      options: { auth: 'canary-4' },
    });
    log.error({ err: error }, 'failed');
    expect(last().err).toEqual({
      type: 'TypeError',
      message: 'went wrong',
      code: 'EWRONG',
      stack: expect.stringContaining('went wrong'),
    });
    expect(lines.join('')).not.toContain('canary');
  });

  it('show an error without a code, and what is no error, by its text', async () => {
    const { log, last } = await logger();
    log.error({ err: new Error('plain') }, 'x');
    expect(Object.keys(last().err as object)).toEqual(['type', 'message', 'stack']);
    log.error({ err: 'only text' }, 'x');
    expect(last().err).toEqual({ message: 'only text' });
  });

  it('security 39: escape line breaks and control characters', async () => {
    const { log, lines } = await logger();
    log.info({ model: 'a\n{"level":"fatal"}\u001b[31m' }, 'x');
    expect(lines).toHaveLength(1);
    expect([...lines[0]!].filter((character) => character < ' ')).toEqual([]);
  });

  it('stay JSON for a given destination, also when people read the console', async () => {
    const { log, last } = await logger({ pretty: true });
    log.info('hello');
    expect(last().msg).toBe('hello');
  });
});

it('writes for people to standard output when told so', async () => {
  const log = await createLogger({ level: 'silent', pretty: true, access: false, decisions: false });
  expect(log.level).toBe('silent');
  log.info('not shown');
});
