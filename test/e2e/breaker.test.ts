import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { chat, errorBody } from '../helper/chat.ts';
import { opened } from '../helper/cleanup.ts';
import { ask as request } from '../helper/client.ts';
import { expectEnvelope } from '../helper/envelope.ts';
import { startGateway } from '../helper/gateway.ts';
import { ask, inPriority, neverOpen, patient } from '../helper/overlay.ts';
import { freePort } from '../helper/ports.ts';
import { json } from '../helper/replies.ts';
import { startUpstream } from '../helper/upstream.ts';

const broken = json(500, errorBody('broken'));
const health = { consecutive_failures: 3, open_for: '300ms', max_open_for: '600ms' };

test('U18: with every breaker open the answer is 503 with Retry-After within 50 ms, and nothing is sent', {
  retry: 2,
}, async () => {
  const upstream = opened(await startUpstream(broken));
  const gateway = await startGateway({
    overlay: patient(upstream.url, { health: { ...health, open_for: '20s', max_open_for: '20s' } }),
  });
  for (let count = 0; count < 3; count++) expect((await request(gateway.url, { body: ask() })).status).toBe(502);
  const began = performance.now();
  const reply = await request(gateway.url, { body: ask() });
  expect(performance.now() - began).toBeLessThan(50);
  expect(reply.status).toBe(503);
  expect(expectEnvelope(reply).code).toBe('upstream_unavailable');
  expect(Number(reply.headers['retry-after'])).toBeGreaterThan(15);
  expect(reply.headers['x-should-retry']).toBe('true');
  expect(upstream.calls).toHaveLength(3);
  expect(await gateway.ledgerRows(3)).toHaveLength(3);
});

test('an open breaker lets exactly one request through after its time, and closes when that one succeeds', {
  retry: 2,
}, async () => {
  const upstream = opened(await startUpstream(broken));
  const gateway = await startGateway({ overlay: patient(upstream.url, { health }) });
  for (let count = 0; count < 3; count++) await request(gateway.url, { body: ask() });
  await sleep(320);
  upstream.script = async (call, wire) => {
    await sleep(150);
    await chat(call, wire);
  };
  const burst = await Promise.all(Array.from({ length: 10 }, () => request(gateway.url, { body: ask() })));
  expect(burst.map((reply) => reply.status).sort()).toEqual([200, ...Array.from({ length: 9 }, () => 503)]);
  expect(upstream.calls).toHaveLength(4);
  upstream.script = chat;
  const after = await Promise.all(Array.from({ length: 10 }, () => request(gateway.url, { body: ask() })));
  expect(after.map((reply) => reply.status)).toEqual(Array.from({ length: 10 }, () => 200));
});

test('a probe that fails opens the breaker again, for longer', { retry: 2 }, async () => {
  const upstream = opened(await startUpstream(broken));
  const gateway = await startGateway({ overlay: patient(upstream.url, { health }) });
  for (let count = 0; count < 3; count++) await request(gateway.url, { body: ask() });
  await sleep(320);
  expect((await request(gateway.url, { body: ask() })).status).toBe(502);
  await sleep(350);
  expect((await request(gateway.url, { body: ask() })).status).toBe(503);
  await sleep(300);
  upstream.script = chat;
  expect((await request(gateway.url, { body: ask() })).status).toBe(200);
});

test('a client that leaves says nothing about the target', async () => {
  const upstream = opened(await startUpstream(async (_call, wire) => wire.gone));
  const gateway = await startGateway({ overlay: patient(upstream.url, { health: { ...health, consecutive_failures: 1 } }) });
  for (let count = 1; count <= 5; count++) {
    const leaving = request(gateway.url, { body: ask() }, 30).catch(() => null);
    await upstream.arrived(count);
    await leaving;
  }
  upstream.script = chat;
  expect((await request(gateway.url, { body: ask() })).status).toBe(200);
});

test('G12: in a total outage attempts stay within 1.2 x requests + 10 per second', async () => {
  const [a, b] = [opened(await startUpstream(broken)), opened(await startUpstream(broken))];
  const overlay = inPriority({ a: a.url, b: b.url }, { health: neverOpen });
  const gateway = await startGateway({ overlay });
  const requests = 1_500;
  for (let sent = 0; sent < requests; sent += 50) {
    await Promise.all(Array.from({ length: 50 }, () => request(gateway.url, { body: ask() })));
  }
  const attempts = a.calls.length + b.calls.length;
  // The floor of 10 per second is granted for the whole window of 10 s at once.
  expect(attempts).toBeLessThanOrEqual(requests * 1.2 + 10 * 10 + 1);
  expect(attempts).toBeGreaterThan(requests * 1.1);
});

test('x-should-retry is false when the retry budget is empty', async () => {
  const [a, b] = [opened(await startUpstream(broken)), opened(await startUpstream(broken))];
  const retries = { budget: { ratio: 0, min_per_second: 0, window: '10s' } };
  const gateway = await startGateway({ overlay: inPriority({ a: a.url, b: b.url }, { health: neverOpen, retries }) });
  const reply = await request(gateway.url, { body: ask() });
  expect(reply).toMatchObject({ status: 502, headers: { 'x-should-retry': 'false', 'x-postern-attempts': '1' } });
  expect(b.calls).toHaveLength(0);
});

test('U1: the only target is tried again after a wait when nothing has reached it, up to max_attempts', async () => {
  const gateway = await startGateway({
    overlay: inPriority({ a: `http://127.0.0.1:${await freePort()}/v1` }, { health: neverOpen, retries: { backoff: '20ms' } }),
  });
  const began = performance.now();
  const reply = await request(gateway.url, { body: ask() });
  expect(reply).toMatchObject({ status: 502, headers: { 'x-postern-attempts': '3' } });
  expect(performance.now() - began).toBeGreaterThan(25);
  expect(await gateway.ledgerRows(3)).toHaveLength(3);
});
