import { describe, expect, test } from 'vitest';
import { allowanceText, budget } from '../../../deploy/cli/allowance.ts';
import { keyTable } from '../../../deploy/cli/keys.ts';
import { main } from '../../../deploy/cli/main.ts';
import { usageTable } from '../../../deploy/cli/usage.ts';

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const code = await main(args, {
    env: {},
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    now: () => Date.UTC(2026, 10, 23),
    signal: AbortSignal.timeout(5_000),
  });
  return { code, out, err };
}

describe('the program', () => {
  test('says what it can do', async () => {
    const { code, out } = await run('--help');
    expect(code).toBe(0);
    for (const command of ['keys', 'teams', 'usage', 'config', 'top']) expect(out).toContain(`  ${command} `);
    expect((await run()).code).toBe(2);
  });

  test.each(['keys', 'teams', 'usage', 'config', 'top'])('%s has a help text', async (command) => {
    const { code, out } = await run(command, '--help');
    expect(code).toBe(0);
    expect(out).toContain(`Usage: postern ${command}`);
  });

  test.each([
    [['kyes'], /no command kyes: did you mean keys\?/],
    [['keys', 'make'], /has no make: list, show, create/],
    [['keys', 'create'], /NAME is missing/],
    [['keys', 'create', 'a', 'b'], /Unexpected argument b/],
    [['keys', 'create', 'a', '--rmp', '3'], /no option --rmp: did you mean --rpm/],
    [['keys', 'create', 'a', '--rpm', 'many'], /--rpm takes a whole number/],
    [['keys', 'create', 'a', '--expires', 'soon'], /--expires takes/],
    [['keys', 'create', 'a', '--metadata', 'x'], /NAME=VALUE/],
    [['keys', 'create', 'a'], /ADMIN_API_KEY/],
    [['keys', 'update', 'key_a'], /Nothing to change/],
    [['keys', 'rotate', 'key_a', '--overlap', '5'], /duration with a unit/],
    [['keys', 'list', '--url', 'ftp://x'], /--url takes/],
    [['top', '--interval', '1ms'], /100ms at least/],
    [['config', 'show'], /no show: check/],
  ])('%j is refused with what to do', async (args, message) => {
    const { code, out, err } = await run(...args);
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(message);
  });

  test('nobody there is said so, with exit code 1', async () => {
    const { code, err } = await run('top', '--url', 'http://127.0.0.1:1', '--count', '1');
    expect([code, err]).toEqual([1, expect.stringContaining('No gateway answers at http://127.0.0.1:1')]);
  });
});

describe('budgets', () => {
  test.each([
    ['25usd/month', { amount_usd: 25, period: 'month' }],
    ['$0.5/day', { amount_usd: 0.5, period: 'day' }],
    ['1mtokens/week', { tokens: 1_000_000, period: 'week' }],
    ['50k tokens/total', { tokens: 50_000, period: 'total' }],
    ['500requests/hour', { requests: 500, period: 'hour' }],
  ])('%s', (written, expected) => {
    expect(budget(written)).toEqual(expected);
  });

  test.each(['25', '25/month', '25usd/year', 'usd/month', '1.5requests/day', '-1usd/day'])('%s is none', (written) => {
    expect(() => budget(written)).toThrow(/--budget/);
  });

  test('are shown as they are written', () => {
    const entry = { rate_limits: { requests_per_minute: 5 }, budgets: [{ amount_usd: 2, period: 'day' }] };
    expect(allowanceText(entry)).toBe('5 rpm, $2/day');
    expect(allowanceText({})).toBeNull();
  });
});

test('amounts of usage stay exact, control characters do not reach the terminal', () => {
  const row = { key: 'key_\x1b[31m', requests: 2, attempts: 3, prompt_tokens: 5, completion_tokens: 7, cached_tokens: 0 };
  const shown = usageTable(['key'], [{ ...row, cost_usd: '0.000000001' }], { ...row, cost_usd: '9007199254740993.000000001' });
  expect(shown).toContain('key_?[31m');
  expect(shown).toContain('$9007199254740993.000000001');
  expect(shown).not.toContain('unpriced');
});

test('a key that is not taken is listed with the reason', () => {
  const key = { id: 'key_1', name: 'ci', team: null, models: null, disabled: false, expires_at: 1 };
  const [, ...lines] = keyTable(['active', 'expired', 'disabled', 'team_missing'].map((status) => ({ ...key, status }))).split(
    '\n',
  );
  expect(lines.map((line) => line.split(/ +/).at(-1))).toEqual(['-', 'expired', 'disabled', 'team_missing', '']);
});

test('usage without a known price is not shown as one that cost nothing', () => {
  const row = { key: 'key_1', requests: 2, attempts: 3, prompt_tokens: 5, completion_tokens: 7, cached_tokens: 0, cost_usd: '0' };
  const [, first, total] = usageTable(['key'], [{ ...row, unpriced_attempts: 3 }], { ...row, unpriced_attempts: 0 }).split('\n');
  expect([first, total]).toEqual([expect.stringMatching(/ \$0 \+ 3 unpriced$/), expect.stringMatching(/ \$0$/)]);
});
