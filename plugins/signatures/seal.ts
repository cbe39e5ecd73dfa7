import { createCipheriv, createDecipheriv } from 'node:crypto';
import { nonce, nonceBytes } from '../nonce.ts';

// What is kept is model output, so on disk it is encrypted: version (1 byte), nonce (12), AES-256-GCM ciphertext, tag (16).

const version = 1;
const tagBytes = 16;
const shortest = 1 + nonceBytes + tagBytes;

/** Encrypts and reads values of records. A value read under another key or field than it was written for is no value. */
export class Sealer {
  readonly #key: Buffer;
  readonly #field: string;
  readonly #previous: readonly Buffer[];

  /** `key`: 32 bytes; `previous`: those before it, which only read. */
  constructor(key: Buffer, field: string, previous: readonly Buffer[] = []) {
    this.#key = key;
    this.#field = field;
    this.#previous = previous;
  }

  /** Memory of its own, so that it can be given to a thread. */
  seal(recordKey: string, text: string): Uint8Array<ArrayBuffer> {
    const iv = nonce();
    const cipher = createCipheriv('aes-256-gcm', this.#key, iv, { authTagLength: tagBytes });
    cipher.setAAD(this.#associated(recordKey));
    const body = cipher.update(text, 'utf8');
    cipher.final();
    const sealed = new Uint8Array(shortest + body.length);
    sealed[0] = version;
    sealed.set(iv, 1);
    sealed.set(body, 1 + nonceBytes);
    sealed.set(cipher.getAuthTag(), 1 + nonceBytes + body.length);
    return sealed;
  }

  /** Null for everything that `seal` did not make of this record with this key or one before it: damaged, moved, forged, of another version. */
  open(recordKey: string, sealed: Uint8Array): string | null {
    if (sealed.length < shortest || sealed[0] !== version) return null;
    let text = this.#openWith(this.#key, recordKey, sealed);
    for (let at = 0; text === null && at < this.#previous.length; at++) {
      text = this.#openWith(this.#previous[at]!, recordKey, sealed);
    }
    return text;
  }

  #openWith(key: Buffer, recordKey: string, sealed: Uint8Array): string | null {
    const end = sealed.length - tagBytes;
    try {
      const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(1, 1 + nonceBytes), {
        authTagLength: tagBytes,
      });
      decipher.setAAD(this.#associated(recordKey));
      decipher.setAuthTag(sealed.subarray(end));
      const body = decipher.update(sealed.subarray(1 + nonceBytes, end));
      decipher.final();
      return body.toString('utf8');
    } catch {
      return null;
    }
  }

  #associated(recordKey: string): Buffer {
    return Buffer.from(`${recordKey}\0${this.#field}`);
  }
}
