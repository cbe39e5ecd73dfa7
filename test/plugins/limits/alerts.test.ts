import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { type Alert, Alerts } from '../../../plugins/limits/alerts.ts';
import type { Spent } from '../../../plugins/limits/contract.ts';
import { periodStart } from '../../../plugins/limits/periods.ts';
import { RuleWriter } from '../../../plugins/limits/rules.ts';
import { alertBody, alertData, type WebhookOutcome, Webhooks } from '../../../plugins/limits/webhooks.ts';
import { whenDone } from '../../helper/cleanup.ts';
import { key } from './rules.ts';

const now = Date.UTC(2026, 6, 15, 12, 20);
const [rule] = new RuleWriter('fixed_window').rules(key, 'ci', {}, [{ amount_usd: 10, period: 'day' }]);
const spent = (usd: number, at = now): Spent => ({
  scope: key,
  measure: 'nano_usd',
  period: 'day',
  start: periodStart('day', at),
  amount: usd * 1e9,
});

function watched(already = 0, read: ConstructorParameters<typeof Alerts>[0]['read'] = null) {
  const sent: Alert[] = [];
  const alerts = new Alerts({ shares: [1, 0.8], sinks: [{ send: (alert) => sent.push(alert) }], now: () => now, read });
  alerts.watch(rule!, spent(already));
  return { alerts, shares: () => sent.map(({ share }) => share), sent };
}

test('an alert says in whose budget how much of what is spent, in the log and to webhooks', () => {
  const { alerts, sent } = watched();
  alerts.spent([spent(8)]);
  const data = alertData(sent[0]!);
  expect(data).toMatchObject({ share: 0.8, unit: 'usd', limit: '10', spent: '8', period: 'day' });
  expect(JSON.parse(alertBody(sent[0]!)).data).toEqual(data);
});

describe('alerts', () => {
  test('come once for each share of a budget and period', () => {
    const { alerts, shares } = watched();
    for (const usd of [1, 7.9, 8, 8.1, 9.9]) alerts.spent([spent(usd)]);
    expect(shares()).toEqual([0.8]);
    alerts.spent([spent(10)]);
    alerts.spent([spent(12)]);
    expect(shares()).toEqual([0.8, 1]);
    alerts.spent([spent(8, now + 86_400_000)]);
    alerts.spent([spent(12.5)]);
    expect(shares()).toEqual([0.8, 1, 0.8]);
  });

  test('one for the highest share, where a call passes several', () => {
    const { alerts, shares } = watched();
    alerts.spent([spent(11)]);
    expect(shares()).toEqual([1]);
  });

  test('are not sent again after a restart for what was reached before', () => {
    const { alerts, shares } = watched(9);
    alerts.spent([spent(9.5)]);
    alerts.spent([spent(10)]);
    expect(shares()).toEqual([1]);
  });

  test('go by what the fleet has spent, where there is one', async () => {
    const asked: string[][] = [];
    const { alerts, shares } = watched(0, async (rules) => {
      asked.push(rules.map(({ id }) => id));
      return rules.map(() => ({ used: 8e9, held: 0, resetMs: 1 }));
    });
    alerts.spent([spent(0.1)]);
    alerts.spent([spent(0.2)]);
    await sleep(1_050);
    expect(asked).toEqual([['key:key_1:nano_usd:day']]);
    expect(shares()).toEqual([0.8]);
    alerts.close();
  });
});

interface Posted {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

async function receiver(statuses: number[]) {
  const posted: Posted[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      posted.push({ headers: request.headers, body });
      response.writeHead(statuses.shift() ?? 200, { location: 'http://127.0.0.1:1/elsewhere' }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  whenDone(() => server.close());
  return { posted, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?token=CANARY` };
}

function hooks(url: string, waits = [1, 1, 1]) {
  const outcomes: WebhookOutcome[] = [];
  const lines: unknown[] = [];
  const webhooks = new Webhooks({
    webhooks: [{ url, secret: '0123456789abcdef' }],
    timeout: 500,
    log: { warn: (...line: unknown[]) => lines.push(line) },
    onOutcome: (outcome) => outcomes.push(outcome),
    waits,
  });
  whenDone(() => webhooks.close());
  return { webhooks, outcomes, lines };
}

const alert: Alert = { id: 'a', rule: rule!, share: 0.8, spent: 8_000_000_001, start: periodStart('day', now), at: now };
const until = async (test: () => boolean) => {
  for (let tries = 0; !test() && tries < 400; tries++) await sleep(5);
};

describe('webhooks', () => {
  test('get the alert as JSON, signed', async () => {
    const { posted, url } = await receiver([]);
    const { webhooks, outcomes } = hooks(url);
    webhooks.send(alert);
    await until(() => outcomes.length > 0);
    expect(outcomes).toEqual(['delivered']);
    const { headers, body } = posted[0]!;
    expect(body).toBe(alertBody(alert));
    expect(JSON.parse(body)).toEqual({
      id: 'a',
      type: 'budget.threshold',
      created_at: now / 1000,
      data: {
        scope: 'key',
        scope_id: 'key_1',
        name: 'ci',
        share: 0.8,
        unit: 'usd',
        limit: '10',
        spent: '8.000000001',
        period: 'day',
        period_start: periodStart('day', now) / 1000,
      },
    });
    const [, at, given] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['x-postern-signature']))!;
    expect(given).toBe(createHmac('sha256', '0123456789abcdef').update(`${at}.${body}`).digest('hex'));
  });

  test('are tried again a bounded number of times, and redirects are not followed', async () => {
    const { posted, url } = await receiver([500, 302, 200]);
    const { webhooks, outcomes } = hooks(url);
    webhooks.send(alert);
    await until(() => outcomes.length > 0);
    expect([outcomes, posted.length]).toEqual([['delivered'], 3]);
    const broken = await receiver([500, 500, 500, 500, 500]);
    const second = hooks(broken.url);
    second.webhooks.send(alert);
    await until(() => second.outcomes.length > 0);
    expect([second.outcomes, broken.posted.length]).toEqual([['failed'], 4]);
    expect(JSON.stringify(second.lines)).toContain('it answered 500');
    expect(JSON.stringify(second.lines)).not.toContain('CANARY');
  });

  test('that do not answer keep a bounded number waiting and hold nobody up', async () => {
    const { webhooks, outcomes } = hooks('http://169.254.169.254/hook', [10_000]);
    for (let at = 0; at < 105; at++) webhooks.send(alert);
    expect(outcomes).toEqual(new Array(4).fill('dropped'));
    await webhooks.close();
  });
});
