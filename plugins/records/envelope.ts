import { createCipheriv, createDecipheriv, randomFillSync } from 'node:crypto';
import { type KeyChain, keyFor } from '../encryption-key.ts';
import { nonce, nonceBytes } from '../nonce.ts';
import type { StoredRecord } from './contract.ts';

// A sealed document: each has a data key of its own (256 bits, AES-256-GCM), which is kept with it, wrapped under the encryption key, so
// that a change of that key writes 60 bytes anew and no contents. Numbers are big-endian.
//
//   format (1) | id of the encryption key (8) | version of the contents (6) | nonce (12), data key (32), tag (16) | nonce (12), JSON, tag (16)
//
// The wrapped data key is bound to collection, id, version and the head; the contents to collection, id and the version they were
// written as, which the head names. So nothing opens in another's place or as another version.

const format = 1;
const headBytes = 15;
const tagBytes = 16;
const keyBytes = 32;
const wrapBytes = nonceBytes + keyBytes + tagBytes;
const shortest = headBytes + wrapBytes + nonceBytes + tagBytes;
const largestVersion = 2 ** 48 - 1;

/** Where a document is. */
export type Place = Pick<StoredRecord, 'collection' | 'id' | 'version'>;

export type Opened =
  | {
      readonly ok: true;
      readonly json: string;
      /** Version whose contents these are: lower than the document's where only the data key was wrapped anew since. */
      readonly writtenAs: number;
      /** Under a previous key: to be wrapped anew. */
      readonly outdated: boolean;
    }
  | {
      readonly ok: false;
      /** `kek_…` of a key that is not configured; null: damaged, moved, an older version, or not made by one who has the key. */
      readonly unknownKey: string | null;
    };

/** Seals and opens documents. */
export class Envelope {
  readonly #current: { readonly id: string; readonly key: Buffer };
  readonly #keys: ReadonlyMap<string, Buffer>;

  constructor({ current, previous }: KeyChain) {
    this.#keys = new Map([...previous, current].map(({ id, bytes }) => [id, keyFor(bytes, 'records')]));
    this.#current = { id: current.id, key: this.#keys.get(current.id)! };
  }

  /** Random key and nonces, so the same document sealed twice has nothing in common. */
  seal(place: Place, json: string): Uint8Array {
    const dataKey = randomFillSync(Buffer.alloc(keyBytes));
    const contents = encrypt(dataKey, Buffer.from(json), contentsData(place, place.version));
    return this.#wrapped(place, place.version, dataKey, contents);
  }

  open(place: Place, sealed: Uint8Array): Opened {
    const parts = this.#unwrap(place, sealed);
    if (!('dataKey' in parts)) return parts;
    const { dataKey, writtenAs, contents, keyId } = parts;
    const json = decrypt(dataKey, contents, contentsData(place, writtenAs));
    if (json === null) return unreadable;
    return { ok: true, json: json.toString('utf8'), writtenAs, outdated: keyId !== this.#current.id };
  }

  /** The same document as its next version, its data key wrapped under the key in use. Null when it cannot be opened. */
  rewrap(place: Place, sealed: Uint8Array): Uint8Array | null {
    const parts = this.#unwrap(place, sealed);
    if (!('dataKey' in parts)) return null;
    return this.#wrapped({ ...place, version: place.version + 1 }, parts.writtenAs, parts.dataKey, parts.contents);
  }

  #wrapped(place: Place, writtenAs: number, dataKey: Buffer, contents: Uint8Array): Uint8Array {
    const head = Buffer.alloc(headBytes);
    head[0] = format;
    head.write(this.#current.id.slice(4), 1, 'hex');
    head.writeUIntBE(writtenAs, 9, 6);
    return Buffer.concat([head, encrypt(this.#current.key, dataKey, wrapData(place, head)), contents]);
  }

  #unwrap(
    place: Place,
    sealed: Uint8Array,
  ): { dataKey: Buffer; writtenAs: number; contents: Uint8Array; keyId: string } | Extract<Opened, { ok: false }> {
    if (sealed.length < shortest || sealed[0] !== format || !(place.version <= largestVersion)) return unreadable;
    const head = Buffer.from(sealed.subarray(0, headBytes));
    const keyId = `kek_${head.toString('hex', 1, 9)}`;
    const key = this.#keys.get(keyId);
    if (key === undefined) return { ok: false, unknownKey: keyId };
    const writtenAs = head.readUIntBE(9, 6);
    const dataKey = decrypt(key, sealed.subarray(headBytes, headBytes + wrapBytes), wrapData(place, head));
    if (dataKey === null) return unreadable;
    return { dataKey, writtenAs, contents: sealed.subarray(headBytes + wrapBytes), keyId };
  }
}

const unreadable = { ok: false, unknownKey: null } as const;

/** NUL ends each part: no collection holds one, and the version comes last. */
function contentsData({ collection, id }: Place, version: number): Buffer {
  return Buffer.from(`${collection}\0${id}\0${version}`);
}

function wrapData(place: Place, head: Buffer): Buffer {
  return Buffer.concat([head, contentsData(place, place.version)]);
}

/** Nonce, ciphertext, tag. */
function encrypt(key: Buffer, plain: Buffer, associated: Buffer): Buffer {
  const iv = nonce();
  const cipher = createCipheriv('aes-256-gcm', key, iv, { authTagLength: tagBytes });
  cipher.setAAD(associated);
  return Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

function decrypt(key: Buffer, sealed: Uint8Array, associated: Buffer): Buffer | null {
  const end = sealed.length - tagBytes;
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, nonceBytes), { authTagLength: tagBytes });
    decipher.setAAD(associated);
    decipher.setAuthTag(sealed.subarray(end));
    return Buffer.concat([decipher.update(sealed.subarray(nonceBytes, end)), decipher.final()]);
  } catch {
    return null;
  }
}
