import { expect, test } from 'vitest';
import { chat, errorBody } from '../helper/chat.ts';
import { opened } from '../helper/cleanup.ts';
import { ask as request } from '../helper/client.ts';
import { expectEnvelope } from '../helper/envelope.ts';
import { startGateway } from '../helper/gateway.ts';
import { ask, inPriority, neverOpen, provider } from '../helper/overlay.ts';
import { json } from '../helper/replies.ts';
import { startUpstream } from '../helper/upstream.ts';

// Several targets of which some are bad: which of them are asked, and how often.

const broken = json(500, errorBody('broken'));

test('A5: a request on which two different providers break is not shown to a third', async () => {
  const [a, b, c] = [opened(await startUpstream(broken)), opened(await startUpstream(broken)), opened(await startUpstream(chat))];
  const gateway = await startGateway({ overlay: inPriority({ a: a.url, b: b.url, c: c.url }, { health: neverOpen }) });
  const reply = await request(gateway.url, { body: ask() });
  expect(reply).toMatchObject({ status: 502, headers: { 'x-should-retry': 'false', 'x-postern-attempts': '2' } });
  expect(expectEnvelope(reply).code).toBe('upstream_error');
  expect([a, b, c].map(({ calls }) => calls.length)).toEqual([1, 1, 0]);
});

test('A8: a model that is gone at one target is answered by the next one, and counts against nobody', async () => {
  const gone = json(404, errorBody('The model `up-1` does not exist.', 'invalid_request_error', 'model_not_found'));
  const [a, b] = [opened(await startUpstream(gone)), opened(await startUpstream(chat))];
  const gateway = await startGateway({
    overlay: inPriority({ a: a.url, b: b.url }, { health: { consecutive_failures: 1 } }),
  });
  for (let count = 1; count <= 3; count++) {
    const reply = await request(gateway.url, { body: ask() });
    expect(reply).toMatchObject({ status: 200, headers: { 'x-postern-provider': 'b' } });
    expect(a.calls).toHaveLength(count);
  }
  const rows = await gateway.ledgerRows(6);
  expect(rows[0]).toMatchObject({ provider: 'a', outcome: 'failed', reason: 'not_found', usage_source: 'none', cost_nano: 0 });
});

test('A6: a credential that was revoked is answered by the next target, and is put aside', async () => {
  const refused = json(401, errorBody('Incorrect API key provided.', 'invalid_request_error', 'invalid_api_key'));
  const [a, b] = [opened(await startUpstream(refused)), opened(await startUpstream(chat))];
  const gateway = await startGateway({
    overlay: inPriority({ a: a.url, b: b.url }, { health: { rate_limit_rest: '20s' } }),
  });
  for (let count = 0; count < 5; count++) {
    const reply = await request(gateway.url, { body: ask() });
    expect(reply).toMatchObject({ status: 200, headers: { 'x-postern-provider': 'b' } });
  }
  expect(a.calls).toHaveLength(1);
});

test('P5: a target that fails in a millisecond draws no traffic: at most one in twenty of the calls after the first second', async () => {
  const fast = opened(await startUpstream(json(503, errorBody('overloaded'))));
  const slow = opened(
    await startUpstream(async (call, wire) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      await chat(call, wire);
    }),
  );
  const models = {
    m: {
      strategy: 'weighted',
      targets: [
        { provider: 'fast', model: 'up-1', weight: 9 },
        { provider: 'slow', model: 'up-1', weight: 1 },
      ],
    },
  };
  const providers = { fast: provider(fast.url), slow: provider(slow.url) };
  const gateway = await startGateway({ overlay: { providers, models } });
  const batch = async () => {
    const replies = await Promise.all(Array.from({ length: 50 }, () => request(gateway.url, { body: ask() })));
    return replies.filter((reply) => reply.status === 200).length;
  };
  await batch();
  const before = fast.calls.length;
  for (let round = 0; round < 4; round++) expect(await batch()).toBe(50);
  expect(fast.calls.length - before).toBeLessThanOrEqual(10);
});
