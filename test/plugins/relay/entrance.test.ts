import { describe, expect, test } from 'vitest';
import { anonymous, type CancelReason, Exchange } from '../../../plugins/exchange/exchange.ts';
import { refusal } from '../../../plugins/limits/refusal.ts';
import type { NamedRule } from '../../../plugins/limits/rules.ts';
import type { ClientWriter } from '../../../plugins/relay/client.ts';
import { enter } from '../../../plugins/relay/entrance.ts';
import { Decision } from '../../../plugins/router/index.ts';
import type { Config } from '../../../schemas/config.ts';
import { rate } from '../limits/rules.ts';

describe('a call that is refused after the store was asked', () => {
  const rule: NamedRule = { ...rate(1), name: 'requests_per_minute', owner: 'k' };
  const refused = refusal(rule, 1, { ok: false, refused: 0, standing: { left: 0, resetMs: 5 }, retryAfterMs: 5 }, 0);

  test.each<[CancelReason | null, string[]]>([
    [null, ['error 429']],
    ['shutdown', ['error 429']],
    ['client_closed', ['release']],
  ])('and was cancelled by %s meanwhile', async (reason, expected) => {
    const exchange = new Exchange('ex_1', 'r', 'chat', {} as Config, 0, 0, () => undefined);
    exchange.principal = anonymous;
    const wrote: string[] = [];
    const client = {
      error: ({ status }: { status: number }) => wrote.push(`error ${status}`),
      release: () => wrote.push('release'),
    } as unknown as ClientWriter;
    const { promise, reject } = Promise.withResolvers<null>();
    const never = (): void => {
      throw new Error('not expected');
    };
    const decision = new Decision();
    const way = { limits: { enter: () => promise }, client, headers: [], decision, takeOver: () => undefined };
    enter({ ...way, start: never, failed: never }, { exchange } as never);
    if (reason !== null) exchange.cancel(reason);
    reject(refused);
    await promise.catch(() => undefined);
    await Promise.resolve();
    expect(wrote).toEqual(expected);
    expect(decision.limit).toMatchObject({ rule: 'requests_per_minute' });
  });
});

test.each([
  [false, false, ['failed', 'error 500']],
  [true, false, ['failed', 'error 500']],
  [true, true, ['failed', 'destroy']],
])('a call whose start fails is answered: store asked %s, reply begun %s', async (asked, opened, expected) => {
  const exchange = new Exchange('ex_1', 'r', 'chat', {} as Config, 0, 0, () => undefined);
  const wrote: string[] = [];
  const client = {
    opened,
    error: ({ status }: { status: number }) => wrote.push(`error ${status}`),
    destroy: () => wrote.push('destroy'),
  } as unknown as ClientWriter;
  const way = {
    limits: { enter: () => (asked ? Promise.resolve(null) : null) },
    client,
    headers: [],
    decision: new Decision(),
    takeOver: () => undefined,
    start: () => {
      throw new TypeError('a fault of ours');
    },
    failed: () => wrote.push('failed'),
  };
  enter(way, { exchange } as never);
  await new Promise((resolve) => setImmediate(resolve));
  expect(wrote).toEqual(expected);
});
