import { beforeAll, describe, expect, test, vi } from 'vitest';
import { opened, whenDone } from '../helper/cleanup.ts';
import { type Connection, open } from '../helper/client.ts';
import { overAll } from '../helper/cuts.ts';
import { startGateway } from '../helper/gateway.ts';
import { patient } from '../helper/overlay.ts';
import { answer, framings } from '../helper/replies.ts';
import { allStreams, askOf, type StreamFixture, streamNamed, streamRequest } from '../helper/streams.ts';
import { type Script, startUpstream } from '../helper/upstream.ts';

// What a client gets does not depend on how the upstream's bytes were packed, nor on its line ends.

// Many cases, or whole processes: a busy machine takes several times as long as an idle one.
vi.setConfig({ testTimeout: 120_000 });

let url = '';
const connections: Connection[] = [];

const lineEnds: Readonly<Record<string, string>> = { lf: '\n', crlf: '\r\n', cr: '\r' };

/** Reads `name lines framing piece` or `name lines framing @offset` out of the request. */
const packed: Script = (call, wire) => {
  const [name = '', lines = 'lf', framing = 'chunked', pieces = ''] = askOf(call.json).split(' ');
  const bytes = withLineEnds(streamNamed(name).bytes, lines);
  const how = pieces.startsWith('@') ? { splits: [Number(pieces.slice(1))] } : pieces === '' ? {} : { piece: Number(pieces) };
  return answer(bytes, { headers: { 'content-type': 'text/event-stream' }, framing: framing as 'chunked', ...how })(call, wire);
};

function withLineEnds(bytes: Buffer, lines: string): Buffer {
  return Buffer.from(bytes.toString('utf8').replaceAll('\n', lineEnds[lines]!));
}

async function received(stream: StreamFixture, ask: string): Promise<string> {
  const connection = connections.pop() ?? (await open(url));
  const reply = await connection.ask(streamRequest(stream, `${stream.name} ${ask}`));
  if (reply.ended === null) connections.push(connection);
  if (reply.status !== 200) throw new Error(`Status ${reply.status}: ${reply.body}`);
  return reply.body.toString('utf8');
}

beforeAll(async () => {
  const upstream = opened(await startUpstream(packed, { forget: true }));
  url = (await startGateway({ overlay: patient(upstream.url) })).url;
  whenDone(() => {
    for (const connection of connections) connection.leave('fin');
  });
});

describe.each(allStreams.map((stream) => stream.name))('%s', (name) => {
  const stream = streamNamed(name);

  test('S1: the payload of every event arrives as it was sent', async () => {
    const body = await received(stream, 'lf chunked');
    for (const line of stream.bytes.toString('utf8').split('\n')) expect(body).toContain(line);
    expect(body.length).toBe(stream.bytes.toString('utf8').length);
  });

  test('S1 S2: two pieces, split at every byte, give the same bytes', async () => {
    const whole = await received(stream, 'lf chunked');
    const offsets = Array.from({ length: stream.bytes.length - 1 }, (_, index) => index + 1);
    const failures = await overAll(offsets, 16, async (offset) => {
      if ((await received(stream, `lf chunked @${offset}`)) !== whole) throw new Error('other bytes');
    });
    expect(failures).toEqual([]);
  });

  test.each(framings)('S1 S2: one-byte pieces of a %s body give the same bytes', async (framing) => {
    expect(await received(stream, `lf ${framing} 1`)).toBe(await received(stream, 'lf chunked'));
  });

  test.each(['crlf', 'cr'])('S3: %s line ends give the same bytes, whole and in one-byte pieces', async (lines) => {
    const whole = await received(stream, 'lf chunked');
    expect(await received(stream, `${lines} chunked`)).toBe(whole);
    expect(await received(stream, `${lines} chunked 1`)).toBe(whole);
  });
});

test('S3: every split of a CRLF stream gives the same bytes', async () => {
  const stream = streamNamed('unicode');
  const whole = await received(stream, 'lf chunked');
  const length = withLineEnds(stream.bytes, 'crlf').length;
  const offsets = Array.from({ length: length - 1 }, (_, index) => index + 1);
  const failures = await overAll(offsets, 16, async (offset) => {
    if ((await received(stream, `crlf chunked @${offset}`)) !== whole) throw new Error('other bytes');
  });
  expect(failures).toEqual([]);
});
