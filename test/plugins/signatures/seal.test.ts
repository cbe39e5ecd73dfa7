import { describe, expect, it } from 'vitest';
import { Sealer } from '../../../plugins/signatures/seal.ts';

const sealer = new Sealer(Buffer.alloc(32, 1), 'kept');

describe('a sealed value', () => {
  it('is read again, and shows nothing of the text', () => {
    const text = 'The reasoning of a model. ✓';
    const sealed = sealer.seal('a', text);
    expect(sealer.open('a', sealed)).toBe(text);
    expect(Buffer.from(sealed).includes('reasoning')).toBe(false);
  });

  it('differs each time', () => {
    const values = Array.from({ length: 600 }, () => Buffer.from(sealer.seal('a', 'x')).toString('hex'));
    expect(new Set(values).size).toBe(600);
  });

  it('is nothing once any bit of it is changed, or an end of it is missing', () => {
    const sealed = sealer.seal('a', 'text');
    for (let at = 0; at < sealed.length; at++) {
      const forged = sealed.slice();
      forged[at]! ^= 1;
      expect(sealer.open('a', forged)).toBeNull();
      expect(sealer.open('a', sealed.subarray(0, at))).toBeNull();
    }
  });

  it('security 34: is read with a previous key, in any place among them, and sealed with the one in use', () => {
    const sealed = sealer.seal('a', 'text');
    const [second, third] = [Buffer.alloc(32, 2), Buffer.alloc(32, 3)];
    const rotated = new Sealer(third, 'kept', [second, Buffer.alloc(32, 1)]);
    expect(rotated.open('a', sealed)).toBe('text');
    expect(rotated.open('b', sealed)).toBeNull();
    expect(sealer.open('a', rotated.seal('a', 'text'))).toBeNull();
    expect(new Sealer(third, 'kept').open('a', rotated.seal('a', 'new'))).toBe('new');
  });

  it('is nothing under another record, another field and another key', () => {
    const sealed = sealer.seal('a', 'text');
    expect(sealer.open('b', sealed)).toBeNull();
    expect(new Sealer(Buffer.alloc(32, 1), 'other').open('a', sealed)).toBeNull();
    expect(new Sealer(Buffer.alloc(32, 2), 'kept').open('a', sealed)).toBeNull();
  });
});
