import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { main } from '../../../deploy/cli/main.ts';
import { whenDone } from '../../helper/cleanup.ts';
import { ledgerDirectory } from '../../plugins/usage/directory.ts';

const directory = ledgerDirectory();

/** A server that is told to the program as its gateway. */
async function answering(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  whenDone(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function run(args: readonly string[], env: NodeJS.ProcessEnv = { ADMIN_API_KEY: 'adm-0123456789' }) {
  let [out, err] = ['', ''];
  const code = await main(args, {
    env,
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

test('usage as CSV is all pages, with one line of heads', async () => {
  const pages = ['key,"metadata.a\nb"\r\nk1,1\r\nk2,2\r\n', 'key,"metadata.a\nb"\r\nk3,3\r\n', 'key,"metadata.a\nb"\r\n'];
  const asked: (string | null)[] = [];
  const url = await answering((request, reply) => {
    const cursor = new URL(request.url!, 'http://x').searchParams.get('cursor');
    asked.push(cursor);
    const page = Number(cursor ?? 0);
    if (page < 2) reply.setHeader('x-postern-next-cursor', String(page + 1));
    reply.end(pages[page]);
  });
  const { code, out } = await run(['usage', '--by', 'key,metadata.a\nb', '--csv', '--url', url]);
  expect([code, out]).toEqual([0, 'key,"metadata.a\nb"\r\nk1,1\r\nk2,2\r\nk3,3\r\n']);
  expect(asked).toEqual([null, '1', '2']);
});

test('an answer that no gateway gives is told in a line, with exit code 1', async () => {
  const url = await answering((_request, reply) => reply.end('<html>'));
  const { code, err } = await run(['keys', 'list', '--url', url]);
  expect([code, err]).toEqual([1, expect.stringMatching(/^postern: GET \S+: the answer is no JSON\. .*\n$/)]);
});

test('an admin key that cannot be sent, or is empty, is told without showing it, with exit code 2', async () => {
  const file = join(directory.path, 'admin-key');
  for (const [content, message] of [
    ['adm-secret-1\nadm-secret-2', /^postern: The admin key has characters that no header takes.*\n$/],
    [' \n', /^postern: The admin key is missing/],
  ] as const) {
    writeFileSync(file, content);
    const { code, err } = await run(['keys', 'list', '--url', 'http://127.0.0.1:1', '--admin-key-file', file], {});
    expect([code, err]).toEqual([2, expect.stringMatching(message)]);
    expect(err).not.toContain('adm-secret');
  }
});

test('D1: output that a full disk does not take is a failure; a reader that goes away is none', () => {
  const program = `"${process.execPath}" deploy/cli/main.ts --help`;
  const shell = (script: string) => spawnSync('sh', ['-c', script], { encoding: 'utf8', timeout: 10_000 });
  expect(shell(`${program} > /dev/full; echo $?`)).toMatchObject({
    stdout: '1\n',
    stderr: expect.stringMatching(/^postern: the output cannot be written: ENOSPC/),
  });
  expect(shell(`(${program}; echo $? >&2) | :`).stderr).toBe('0\n');
});
