import { expect, test } from 'vitest';
import { ask } from '../helper/client.ts';
import { expectEnvelope } from '../helper/envelope.ts';
import { startGateway } from '../helper/gateway.ts';

// G6: a request is answered in the envelope also when it brings a body that it should not have.

const adminKey = 'an-admin-key-of-this-test-4711';

test.each([
  ['an admin path that is not there', '/admin/v1/nothing', `authorization: Bearer ${adminKey}\r\n`],
  ['an admin path without the key', '/admin/v1/config', ''],
  ['a path that is not there', '/nothing', ''],
])('G6: a GET of %s with a body in chunks is answered, with word that the connection closes', async (_name, path, credential) => {
  const { managementUrl } = await startGateway({ env: { ADMIN_API_KEY: adminKey } });
  const body = `${(5_155).toString(16)}\r\n${'x'.repeat(5_155)}\r\n`;
  const request = `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n${credential}transfer-encoding: chunked\r\n\r\n${body}`;
  for (let time = 0; time < 30; time++) {
    const reply = await ask(managementUrl, Buffer.from(request));
    expectEnvelope(reply);
    expect(reply.headers.connection).toBe('close');
  }
});
