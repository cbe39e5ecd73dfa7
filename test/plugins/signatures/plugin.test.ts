import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Fastify from 'fastify';
import { describe, expect, it } from 'vitest';
import signatures, { type SignaturesOptions } from '../../../plugins/signatures/index.ts';
import { opened } from '../../helper/cleanup.ts';
import { kept, recordingLog, temporaryDirectory } from './sample.ts';

async function start(options: SignaturesOptions) {
  const app = opened(Fastify());
  await app.register(signatures, { log: recordingLog(), ...options });
  await app.ready();
  return app;
}

describe('the signatures plugin', () => {
  it('registers alone and adds exactly the decorator signatures', async () => {
    const app = opened(Fastify());
    const before = new Set(Object.keys(app));
    await app.register(signatures, { dataDir: temporaryDirectory() });
    await app.ready();
    expect(Object.keys(app).filter((name) => !before.has(name))).toEqual(['signatures']);
  });

  it('has what was kept after a restart, with the key it made itself', async () => {
    const dataDir = join(temporaryDirectory(), 'a', 'b');
    const first = await start({ dataDir });
    await first.signatures.keep('t', [kept()]);
    await first.close();
    expect(existsSync(join(dataDir, 'encryption.key'))).toBe(true);
    const second = await start({ dataDir });
    expect(await second.signatures.find('t', ['call_1'])).toEqual(new Map([['call_1', kept()]]));
    expect(await second.signatures.find('u', ['call_1'])).toEqual(new Map());
    expect(second.signatures.counts).toMatchObject({ hits: 1, misses: 1 });
  });

  it('needs no file for a key that is given, and reads nothing of another', async () => {
    const dataDir = temporaryDirectory();
    const given = (byte: number) => ({ dataDir, encryptionKey: Buffer.alloc(32, byte).toString('base64') });
    const first = await start(given(1));
    await first.signatures.keep('t', [kept()]);
    await first.close();
    expect(existsSync(join(dataDir, 'encryption.key'))).toBe(false);
    const other = await start(given(2));
    expect(await other.signatures.find('t', ['call_1'])).toEqual(new Map());
  });

  it('security 34: reads what was kept under a previous key, and under the one in the data directory', async () => {
    const dataDir = temporaryDirectory();
    const key = (byte: number) => Buffer.alloc(32, byte).toString('base64');
    const first = await start({ dataDir });
    await first.signatures.keep('t', [kept({ id: 'call_file' })]);
    await first.close();
    const second = await start({ dataDir, encryptionKey: key(1) });
    await second.signatures.keep('t', [kept({ id: 'call_1' })]);
    await second.close();
    const third = await start({ dataDir, encryptionKey: key(2), previousEncryptionKeys: [key(1)] });
    expect([...(await third.signatures.find('t', ['call_file', 'call_1'])).keys()].sort()).toEqual(['call_1', 'call_file']);
  });

  it('keeps within the limits it is given', async () => {
    const app = await start({ dataDir: temporaryDirectory(), limits: { entryBytes: 100 } });
    await app.signatures.keep('t', [kept({ signature: 'x'.repeat(200) }), kept({ id: 'call_2' })]);
    expect([...(await app.signatures.find('t', ['call_1', 'call_2'])).keys()]).toEqual(['call_2']);
    expect(app.signatures.counts).toMatchObject({ tooLarge: 1, kept: 1 });
  });
});
