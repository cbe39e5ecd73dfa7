import { describe, expect, it } from 'vitest';
import type { NamedKey } from '../../../plugins/encryption-key.ts';
import { nonce } from '../../../plugins/nonce.ts';
import { Envelope, type Place } from '../../../plugins/records/envelope.ts';

const key = (fill: number): NamedKey => ({ bytes: Buffer.alloc(32, fill), id: `kek_${String(fill).padStart(16, '0')}` });
const envelope = new Envelope({ current: key(1), previous: [] });
const place = (changes: Partial<Place> = {}): Place => ({ collection: 'provider_key', id: 'pkey_a', version: 3, ...changes });
const json = '{"key":"sk-CANARY-0123456789","note":"ключ"}';
const refused = { ok: false, unknownKey: null };

describe('the envelope of a document', () => {
  it('opens what it sealed, and shows nothing of it', () => {
    const sealed = envelope.seal(place(), json);
    expect(envelope.open(place(), sealed)).toEqual({ ok: true, json, writtenAs: 3, outdated: false });
    expect(Buffer.from(sealed).includes('CANARY')).toBe(false);
    expect(envelope.open(place({ id: 'pkey_b' }), envelope.seal(place({ id: 'pkey_b' }), ''))).toMatchObject({ json: '' });
  });

  it('G22: none of a million nonces comes twice', () => {
    // The first 64 of 96 bits alone do not repeat in a million: one chance in 37 million.
    const seen = BigUint64Array.from({ length: 1_000_000 }, () => nonce().readBigUInt64LE()).sort();
    expect(seen.findIndex((each, at) => at > 0 && each === seen[at - 1])).toBe(-1);
  });

  it('G22: the same document has another data key, other nonces and other bytes each time', () => {
    const [one, other] = [envelope.seal(place(), json), envelope.seal(place(), json)];
    // Behind the head: wrapped key, then contents.
    for (const [from, to] of [
      [15, 27],
      [27, 59],
      [75, 87],
      [87, one.length],
    ]) {
      expect(Buffer.compare(one.subarray(from, to), other.subarray(from, to))).not.toBe(0);
    }
  });

  it('G22: with any byte of it changed it does not open', () => {
    const sealed = envelope.seal(place(), json);
    for (let at = 0; at < sealed.length; at++) {
      for (const bit of [1, 128]) {
        const damaged = sealed.slice();
        damaged[at]! ^= bit;
        expect(envelope.open(place(), damaged).ok).toBe(false);
      }
    }
  });

  it('G22: cut anywhere, or longer, it does not open', () => {
    const sealed = envelope.seal(place(), json);
    for (let length = 0; length < sealed.length; length++)
      expect(envelope.open(place(), sealed.slice(0, length))).toEqual(refused);
    expect(envelope.open(place(), Buffer.concat([sealed, Buffer.alloc(1)]))).toEqual(refused);
  });

  it.each<[string, Partial<Place>]>([
    ['id', { id: 'pkey_b' }],
    ['collection', { collection: 'key' }],
    ['version, a later one', { version: 4 }],
    ['version, an earlier one', { version: 2 }],
  ])('R17, G22: in the place of another %s it does not open', (_what, changes) => {
    expect(envelope.open(place(changes), envelope.seal(place(), json))).toEqual(refused);
  });

  it('R17: what was sealed under another key is refused by the name of that key', () => {
    const other = new Envelope({ current: key(2), previous: [] });
    expect(envelope.open(place(), other.seal(place(), json))).toEqual({ ok: false, unknownKey: key(2).id });
    // Under the name of ours it is a forgery.
    const forger = new Envelope({ current: { bytes: Buffer.alloc(32, 2), id: key(1).id }, previous: [] });
    expect(envelope.open(place(), forger.seal(place(), json))).toEqual(refused);
  });

  it('reads what a previous key sealed, and says so', () => {
    const next = new Envelope({ current: key(2), previous: [key(1)] });
    expect(next.open(place(), envelope.seal(place(), json))).toEqual({ ok: true, json, writtenAs: 3, outdated: true });
  });

  it('wraps the data key anew as the next version, and leaves the contents as they are', () => {
    const next = new Envelope({ current: key(2), previous: [key(1)] });
    const sealed = envelope.seal(place(), json);
    const again = next.rewrap(place(), sealed)!;
    const after = new Envelope({ current: key(2), previous: [] });
    expect(after.open(place({ version: 4 }), again)).toEqual({ ok: true, json, writtenAs: 3, outdated: false });
    expect(after.open(place(), again)).toEqual(refused);
    expect(Buffer.compare(again.subarray(75), sealed.subarray(75))).toBe(0);
    expect(next.rewrap(place({ version: 2 }), sealed)).toBeNull();
    // The key of one version opens no contents of another, though both are the document's own.
    const later = after.seal(place({ version: 5 }), json);
    const mixed = Buffer.concat([later.subarray(0, 75), sealed.subarray(75)]);
    expect(after.open(place({ version: 5 }), mixed)).toEqual(refused);
  });
});
