import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encryptionKey, encryptionKeys, keyFor } from '../../plugins/encryption-key.ts';
import { whenDone } from '../helper/cleanup.ts';

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'postern-key-'));
  whenDone(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

describe('the encryption key', () => {
  it('is made once, for its owner only, and read again', () => {
    const dir = join(directory(), 'data');
    const key = encryptionKey(dir);
    expect(key).toHaveLength(32);
    expect(encryptionKey(dir)).toEqual(key);
    expect(encryptionKey(directory())).not.toEqual(key);
    expect(statSync(join(dir, 'encryption.key')).mode & 0o777).toBe(0o600);
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    expect(readdirSync(dir)).toEqual(['encryption.key']);
    expect(Buffer.from(readFileSync(join(dir, 'encryption.key'), 'utf8'), 'base64')).toEqual(key);
  });

  it('is the configured one where there is one, and nothing is written then', () => {
    const dir = directory();
    const given = Buffer.alloc(32, 3);
    expect(encryptionKey(dir, given.toString('base64'))).toEqual(given);
    expect(encryptionKey(dir, given.toString('base64url'))).toEqual(given);
    expect(readdirSync(dir)).toEqual([]);
  });

  it('is never replaced: a file that holds none stops the start with its path', () => {
    const dir = directory();
    writeFileSync(join(dir, 'encryption.key'), 'half');
    expect(() => encryptionKey(dir)).toThrow(/encryption\.key does not hold 32 bytes/);
    expect(() => encryptionKey(dir, 'AAAA')).toThrow(/ENCRYPTION_KEY/);
  });

  it('security 34: comes with those before it, each with a name that says nothing of it', () => {
    const dir = directory();
    const [a, b] = [Buffer.alloc(32, 3).toString('base64'), Buffer.alloc(32, 4).toString('base64url')];
    const made = encryptionKeys(dir);
    expect(made.previous).toEqual([]);
    const chain = encryptionKeys(dir, a, [b, b, a]);
    expect(chain.current).toEqual({ bytes: Buffer.alloc(32, 3), id: expect.stringMatching(/^kek_[0-9a-f]{16}$/) });
    // The key in the directory is one before a configured one.
    expect(chain.previous.map(({ bytes }) => bytes)).toEqual([Buffer.alloc(32, 4), made.current.bytes]);
    expect(new Set([chain.current, ...chain.previous].map(({ id }) => id)).size).toBe(3);
    expect(chain.current.bytes.toString('hex')).not.toContain(chain.current.id.slice(4));
    expect(encryptionKeys(directory(), b, [a]).previous[0]).toEqual(chain.current);
    expect(() => encryptionKeys(dir, a, ['AAAA'])).toThrow(/previous_encryption_keys/);
    writeFileSync(join(dir, 'encryption.key'), 'half');
    expect(encryptionKeys(dir, a).previous).toEqual([]);
  });

  it('gives every purpose a key of its own', () => {
    const key = Buffer.alloc(32, 3);
    expect(keyFor(key, 'a')).toHaveLength(32);
    expect(keyFor(key, 'a')).toEqual(keyFor(key, 'a'));
    expect(keyFor(key, 'a')).not.toEqual(keyFor(key, 'b'));
    expect(keyFor(key, 'a')).not.toEqual(key);
  });
});
