import { expect, test } from 'vitest';
import { chat, chatBody, chatEvents, chatStream } from './chat.ts';
import { opened } from './cleanup.ts';
import { ask, jsonOf, open, textOf } from './client.ts';
import { blackhole, freePort } from './ports.ts';
import { answer, framings, json, rawBytes, silence } from './replies.ts';
import { allStreams } from './streams.ts';
import { inOrder, startUpstream } from './upstream.ts';

// The scripted upstream and the raw client against each other: what later tests rely on.

test('a JSON answer arrives as scripted and the request is recorded', async () => {
  const upstream = opened(await startUpstream(json(201, { a: 1 }, { 'x-seen': 'yes' })));
  const reply = await ask(upstream.url, { path: '/v1/things?x=1', headers: { 'x-test': 'é' }, body: { b: 2 } });
  expect(reply).toMatchObject({ status: 201, complete: true });
  expect(reply.headers['x-seen']).toBe('yes');
  expect(jsonOf(reply)).toEqual({ a: 1 });
  expect(upstream.calls[0]).toMatchObject({ method: 'POST', path: '/v1/things?x=1', json: { b: 2 }, socket: 0, abortedAt: null });
});

test.each(framings)('a %s body in one-byte pieces arrives whole', async (framing) => {
  const upstream = opened(await startUpstream(chatStream({ framing, piece: 1 })));
  const reply = await ask(upstream.url, { body: {} });
  expect(textOf(reply.body)).toBe('Hello there');
});

test.each(framings)('a %s body cut by a reset is seen as incomplete, with the bytes before the cut', async (framing) => {
  const upstream = opened(await startUpstream(answer('0123456789', { framing, cut: 4, end: 'rst' })));
  const reply = await ask(upstream.url, { body: {} });
  expect(reply).toMatchObject({ status: 200, complete: false, ended: 'rst' });
  expect(reply.body.toString()).toBe('0123');
});

test('a kept connection serves several requests and counts as one socket', async () => {
  const upstream = opened(await startUpstream(inOrder(json(200, { n: 1 }), chat)));
  const connection = opened({ ...(await opening(upstream.url)) });
  expect(jsonOf(await connection.ask({ body: {} }))).toEqual({ n: 1 });
  expect(jsonOf(await connection.ask({ body: {} }))).toEqual(chatBody());
  expect(upstream.calls.map((call) => call.socket)).toEqual([0, 0]);
});

async function opening(url: string) {
  const connection = await open(url);
  return { ask: connection.ask.bind(connection), close: () => connection.leave('fin') };
}

test.each(['fin', 'rst'] as const)('a client leaving by %s is noted with its time', async (how) => {
  const upstream = opened(await startUpstream(silence));
  const connection = await open(upstream.url);
  connection.send({ body: {} });
  const call = await upstream.arrived(1);
  const left = performance.now();
  connection.leave(how);
  await expect.poll(() => call.abortedAt).not.toBeNull();
  expect(call.abortedAt! - left).toBeLessThan(100);
});

test('exact bytes reach the client as they are', async () => {
  const upstream = opened(await startUpstream(rawBytes('SSH-2.0-nothing\r\n', 'fin')));
  const connection = await open(upstream.url);
  connection.send({ body: {} });
  await connection.closed();
  expect(connection.raw.toString()).toBe('SSH-2.0-nothing\r\n');
});

test('a free port refuses and a blackhole never accepts', async () => {
  await expect(open(`http://127.0.0.1:${await freePort()}`)).rejects.toThrow('ECONNREFUSED');
  const hole = opened(await blackhole());
  const outcome = await Promise.race([
    open(`http://127.0.0.1:${hole.port}`),
    new Promise((resolve) => setTimeout(resolve, 300, 'waiting')),
  ]);
  expect(outcome).toBe('waiting');
});

test('every fixture is whole: its marks lie in order within it', () => {
  for (const stream of allStreams) {
    expect(stream.bytes.length).toBeLessThanOrEqual(3_000);
    const marks = [0, stream.contentEnd, stream.completeEnd, stream.finishedEnd];
    expect(marks).toEqual([...marks].sort((a, b) => a - b));
    expect(stream.finishedEnd).toBe(stream.bytes.length);
  }
  expect(chatEvents()).toHaveLength(6);
});
