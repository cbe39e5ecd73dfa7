import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { beforeAll, describe, expect, test } from 'vitest';
import { main } from '../../../deploy/cli/main.ts';
import { chatBody } from '../../helper/chat.ts';
import { opened } from '../../helper/cleanup.ts';
import { startGateway, type TestGateway } from '../../helper/gateway.ts';
import { ask, patient } from '../../helper/overlay.ts';
import { json } from '../../helper/replies.ts';
import { startUpstream } from '../../helper/upstream.ts';

const adminKey = 'adm-3f9c1e7b5d2a8046c1e7b5d2';

let gateway: TestGateway;

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function program(args: readonly string[]): Promise<Ended> {
  let [out, err] = ['', ''];
  const code = await main(args, {
    env: { ADMIN_API_KEY: adminKey },
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    now: Date.now,
    signal: AbortSignal.timeout(20_000),
  });
  return { code, out, err };
}

async function call(key: string): Promise<Response> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` };
  return fetch(`${gateway.url}/v1/chat/completions`, { method: 'POST', headers, body: JSON.stringify(ask()) });
}

const run = (...args: string[]): Promise<Ended> => program([...args, '--url', gateway.managementUrl]);
const verify = (...args: string[]): Promise<Ended> => program(['ledger', 'verify', ...args]);

beforeAll(async () => {
  const upstream = opened(await startUpstream(json(200, chatBody())));
  gateway = await startGateway({
    overlay: patient(upstream.url, { prices: { 'up/*': { input: 1, output: 1 } } }),
    env: { ADMIN_API_KEY: adminKey, AUTH_MODE: 'gateway' },
  });
});

describe('with a gateway', () => {
  test('a key is made, used, seen in the usage, rotated and revoked', async () => {
    const team = await run('teams', 'create', 'search', '--budget', '100usd/month', '--json');
    expect([team.code, team.err]).toEqual([0, '']);
    const { id: teamId } = JSON.parse(team.out) as { id: string };

    const made = await run(
      'keys',
      'create',
      'robot',
      '--team',
      teamId,
      '--rpm',
      '1k',
      '--budget',
      '5usd/day',
      '--expires',
      '30d',
    );
    expect([made.code, made.err]).toEqual([0, expect.stringContaining('the only time its secret is shown')]);
    const secret = made.out.trim();
    expect(secret).toMatch(/^sk-postern-\w+$/);
    expect((await call(secret)).status).toBe(200);

    const listed = await run('keys', 'list');
    expect(listed.out).toMatch(/robot +team_\S+ +- +1000 rpm, \$5\/day +\d{4}-/);
    expect(listed.out).not.toContain(secret);
    const id = /key_\w+/.exec(listed.out)![0];

    await gateway.ledgerRows(1);
    const used = await run('usage', '--by', 'key,model');
    expect(used.out).toMatch(new RegExp(`${id} +m +1 +1 `));
    const asCsv = await run('usage', '--by', 'key', '--csv');
    expect(asCsv.out.split('\n')[0]).toContain('key');

    const faster = await run('keys', 'update', id, '--tpm', '50k', '--rpm', '2k');
    expect(faster.out).toMatch(/ 2000 rpm, 50000 tpm, \$5\/day /);
    expect((await run('keys', 'update', id, '--tpm', '60k')).out).toMatch(/ 2000 rpm, 60000 tpm, \$5\/day /);
    expect((await run('teams', 'update', teamId, '--rpm', '9')).out).toMatch(/ 9 rpm, \$100\/month/);
    expect((await run('teams', 'update', teamId, '--tpm', '8')).out).toMatch(/ 9 rpm, 8 tpm, \$100\/month/);
    await run('teams', 'update', teamId, '--unlimited');

    const changed = await run('keys', 'update', id, '--unlimited', '--name', 'robot two');
    expect([changed.code, changed.out]).toEqual([0, expect.stringMatching(/robot two +team_\S+ +- +- /)]);

    const rotated = await run('keys', 'rotate', id);
    expect(rotated.code).toBe(0);
    expect((await call(secret)).status).toBe(401);
    expect((await call(rotated.out.trim())).status).toBe(200);

    expect((await run('keys', 'delete', id)).code).toBe(0);
    expect((await call(rotated.out.trim())).status).toBe(401);
    expect((await run('teams', 'delete', teamId)).code).toBe(0);
  });

  test('a key that nobody is asked for yet is told so', async () => {
    const open = await startGateway({ overlay: {}, env: { ADMIN_API_KEY: adminKey } });
    const made = await program(['keys', 'create', 'early', '--rpm', '1', '--url', open.managementUrl]);
    expect([made.code, made.err]).toEqual([0, expect.stringContaining('AUTH_MODE=gateway')]);
    expect(made.out).toMatch(/^sk-postern-\w+\n$/);
    expect((await run('keys', 'create', 'later')).err).not.toContain('AUTH_MODE');
  });

  test('what the gateway refuses is told with its own words', async () => {
    const { code, err } = await run('keys', 'show', 'key_nobody');
    expect(code).toBe(1);
    expect(err).toMatch(/^postern: GET \/admin\/v1\/keys\/key_nobody: 404 /);
  });

  test('D3: a ledger that was changed behind the gateway is told', async () => {
    await gateway.ledgerRows(1);
    const file = join(gateway.dataDir, 'ledger.sqlite');
    await expect.poll(async () => (await verify(file)).out).toMatch(/^[1-9]\d* intents and [1-9]\d* settlements/);
    const sound = await verify(file);
    expect([sound.code, sound.err]).toEqual([0, '']);
    const head = /head ([0-9a-f]{64})/.exec(sound.out)![1]!;
    expect((await verify(file, '--head', head)).code).toBe(0);
    expect((await verify(file, '--head', 'f'.repeat(64))).code).toBe(1);

    const copy = join(gateway.dataDir, 'copy.sqlite');
    const database = new DatabaseSync(file);
    database.exec(`VACUUM INTO '${copy}'`);
    database.close();
    const forged = new DatabaseSync(copy);
    forged.exec('UPDATE settlements SET cost_nano = 1 WHERE id = (SELECT min(id) FROM settlements)');
    forged.close();
    const found = await verify(copy);
    expect([found.code, found.err]).toEqual([1, expect.stringContaining('is not as it was written')]);
    expect((await verify(join(gateway.dataDir, 'none.sqlite'))).code).toBe(2);
  });

  test('top reads its metrics, and ends with 1 when a threshold is crossed', async () => {
    const seen = await run('top', '--count', '1', '--interval', '100ms', '--json');
    expect(seen.code).toBe(0);
    expect(JSON.parse(seen.out)).toMatchObject({ in_flight: 0, memory: expect.any(Number) });
    const crossed = await run('top', '--count', '1', '--interval', '100ms', '--fail-when', 'memory>1MiB');
    expect([crossed.code, crossed.err]).toEqual([1, expect.stringMatching(/^postern: memory>1MiB: it is \d+MiB\n$/)]);
  });
});
