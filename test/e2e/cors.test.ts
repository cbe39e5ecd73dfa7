import { beforeAll, describe, expect, test } from 'vitest';
import { chat } from '../helper/chat.ts';
import { opened } from '../helper/cleanup.ts';
import { startGateway, type TestGateway } from '../helper/gateway.ts';
import { ask, inPriority } from '../helper/overlay.ts';
import { startUpstream, type Upstream } from '../helper/upstream.ts';

// Pages in browsers: off by default, and then only for the origins of the configuration (security list 25).

const page = 'https://app.example';
let upstream: Upstream;
let off: TestGateway;
let on: TestGateway;

beforeAll(async () => {
  upstream = opened(await startUpstream(chat));
  off = await startGateway({ overlay: inPriority({ up: upstream.url }) });
  on = await startGateway({ overlay: inPriority({ up: upstream.url }, { server: { cors: { origins: [page] } } }) });
});

const post = (gateway: TestGateway, origin: string, body: object) =>
  fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin },
    body: JSON.stringify(body),
  });

const preflight = (gateway: TestGateway, origin: string) =>
  fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization,content-type' },
  });

test('no origin is let in by default', async () => {
  expect((await preflight(off, page)).headers.get('access-control-allow-origin')).toBeNull();
  const reply = await post(off, page, ask());
  expect(reply.status).toBe(200);
  expect(reply.headers.get('access-control-allow-origin')).toBeNull();
});

describe('with an origin configured', () => {
  test('its preflight is answered', async () => {
    const reply = await preflight(on, page);
    expect(reply.status).toBe(204);
    expect(reply.headers.get('access-control-allow-origin')).toBe(page);
    expect(reply.headers.get('access-control-allow-headers')).toContain('authorization');
  });

  test.each([{ stream: false }, { stream: true }])(
    'its answers carry the header, though the reply is written raw (stream $stream)',
    async (how) => {
      const reply = await post(on, page, ask(how));
      expect(reply.headers.get('access-control-allow-origin')).toBe(page);
      await reply.text();
    },
  );

  test('its errors carry the header too, or the page could not read them', async () => {
    const reply = await post(on, page, { model: 'm' });
    expect(reply.status).toBe(400);
    expect(reply.headers.get('access-control-allow-origin')).toBe(page);
  });

  test('another origin gets none', async () => {
    expect((await post(on, 'https://evil.example', ask())).headers.get('access-control-allow-origin')).toBeNull();
    expect((await preflight(on, 'https://evil.example')).headers.get('access-control-allow-origin')).toBeNull();
  });
});
