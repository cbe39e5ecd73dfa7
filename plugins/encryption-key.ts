import { hkdfSync, randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** Bytes of the key, and of every key derived from it. */
const keyBytes = 32;
const keyFile = 'encryption.key';

/** A key with the name that is written beside what it encrypted. */
export interface NamedKey {
  readonly bytes: Buffer;
  /** `kek_` and 16 hex digits; says nothing of the key. */
  readonly id: string;
}

/** The key in use, and those before it, which only read. */
export interface KeyChain {
  readonly current: NamedKey;
  readonly previous: readonly NamedKey[];
}

/**
 * The key in use with its predecessors: `previous` (base64, 32 bytes each), and the one in the data directory where another is
 * configured now. Waits for the disk. Throws an error that says what to do.
 */
export function encryptionKeys(dataDir: string, configured?: string, previous: readonly string[] = []): KeyChain {
  const current = named(encryptionKey(dataDir, configured));
  const earlier = previous.map((key) => named(checked(Buffer.from(key, 'base64'), 'previous_encryption_keys')));
  const left = configured === undefined ? null : keyInFile(dataDir);
  if (left !== null) earlier.push(named(left));
  const known = new Map(earlier.map((key) => [key.id, key]));
  known.delete(current.id);
  return { current, previous: [...known.values()] };
}

function named(bytes: Buffer): NamedKey {
  return { bytes, id: `kek_${keyFor(bytes, 'id').toString('hex', 0, 8)}` };
}

/** Of the time before a key was configured; null when there is none that could be read. */
function keyInFile(dataDir: string): Buffer | null {
  try {
    const key = Buffer.from(readFileSync(join(resolve(dataDir), keyFile), 'utf8'), 'base64');
    return key.length === keyBytes ? key : null;
  } catch {
    return null;
  }
}

/**
 * The key that protects what this process writes to disk: the configured one (base64, 32 bytes), else the one in the data
 * directory, which is made there (mode 0600) when there is none. Waits for the disk. Throws an error that says what to do.
 */
export function encryptionKey(dataDir: string, configured?: string): Buffer {
  if (configured !== undefined) return checked(Buffer.from(configured, 'base64'), 'encryption_key (ENCRYPTION_KEY)');
  const dir = resolve(dataDir);
  const path = join(dir, keyFile);
  try {
    return checked(Buffer.from(readFileSync(path, 'utf8'), 'base64'), path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const key = randomBytes(keyBytes);
  writeWhole(path, `${key.toString('base64')}\n`);
  return key;
}

/** A key for one purpose (HKDF, RFC 5869), so that what one part of the gateway wrote can never pass for another's. */
export function keyFor(key: Buffer, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', key, '', purpose, keyBytes));
}

function checked(key: Buffer, where: string): Buffer {
  if (key.length === keyBytes) return key;
  throw new Error(
    `${where} does not hold ${keyBytes} bytes in base64: put the key back, or remove it to begin with a new one; what was encrypted is lost then.`,
  );
}

/** The file is there whole or not at all, after a power loss too: half a key would make everything under it unreadable. */
function writeWhole(path: string, text: string): void {
  const next = `${path}.new`;
  const file = openSync(next, 'w', 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(next, path);
}
