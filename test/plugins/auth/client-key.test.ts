import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ClientPrincipals,
  clientCallerKey,
  clientSecret,
  hybridCallerKey,
  noCallerKey,
} from '../../../plugins/auth/client-key.ts';

const header = 'x-postern-provider-key';
const secret = 'sk-theirs-CANARY-0123456789';
const bearer = { authorization: `Bearer ${secret}` };

describe('mode client', () => {
  it('takes the key where SDKs put it', () => {
    for (const headers of [bearer, { 'x-api-key': secret }, { 'api-key': secret }]) expect(clientSecret(headers)).toBe(secret);
  });

  it.each([
    ['none', {}],
    ['an empty one', { authorization: 'Bearer ' }],
    ['one that no header could carry', { authorization: 'Bearer sk-\u00e9t\u00e9-0123456789' }],
    ['one of 5 kB', { authorization: `Bearer ${'k'.repeat(5_000)}` }],
    ['one sent twice', { 'x-api-key': 'one, two' }],
    ['a gateway key: it would reach the provider', { authorization: 'Bearer sk-postern-0123456789abcdef' }],
  ])('refuses %s with 401, and repeats nothing of it', (_what, headers: Record<string, string>) => {
    const failure = (() => {
      try {
        return clientSecret(headers);
      } catch (error) {
        return error as Error;
      }
    })();
    expect(failure).toMatchObject({ status: 401, code: 'invalid_api_key', shouldRetry: false });
    expect((failure as Error).message).not.toMatch(/0123|kkkk|one, two/);
  });

  it('takes the name of a provider from its header, and nothing else', () => {
    expect(clientCallerKey(bearer)).toMatchObject({ provider: null, secret });
    expect(clientCallerKey({ ...bearer, [header]: ' up ' })).toMatchObject({ provider: 'up', secret });
    for (const said of [`up ${secret}`, '', 'a/b', `up, ${secret}`, 'x'.repeat(65), '__proto__ x']) {
      expect(() => clientCallerKey({ ...bearer, [header]: said })).toThrow(
        expect.objectContaining({ status: 400, code: 'invalid_provider_key', message: expect.not.stringContaining('CANARY') }),
      );
    }
  });

  it('names a caller by its key, the same each time, and asks for the name once', () => {
    let asked = 0;
    const principals = new ClientPrincipals((key) => `client_${asked++}${key.length}`);
    const first = principals.of(secret);
    expect(first).toMatchObject({ keyId: 'client_027', name: null, team: null, models: null, providers: null });
    expect(principals.of(secret)).toBe(first);
    expect(principals.of(`${secret}x`).keyId).toBe('client_128');
    expect(inspect(principals, { depth: 9, showHidden: true })).not.toContain('CANARY');
  });
});

describe('mode hybrid', () => {
  it('takes a provider and a key for it', () => {
    expect(hybridCallerKey({})).toBeNull();
    for (const blank of [' ', '   ', '\t']) {
      const key = hybridCallerKey({ [header]: `up${blank}${secret}` })!;
      expect([key.provider, key.secret]).toEqual(['up', secret]);
    }
  });

  it.each([
    '',
    'up',
    secret,
    `up ${secret} more`,
    `up ${secret}, up ${secret}`,
    `a/b ${secret}`,
    'up \u00e9\u00e9',
    `up ${'k'.repeat(4_097)}`,
  ])('refuses %o', (said) => {
    expect(() => hybridCallerKey({ [header]: said })).toThrow(
      expect.objectContaining({
        status: 400,
        code: 'invalid_provider_key',
        param: header,
        message: expect.not.stringContaining('CANARY'),
      }),
    );
  });

  it('refuses a gateway key: it would reach the provider', () => {
    const own = { authorization: 'Bearer imported-key-of-this-gateway' };
    for (const said of ['up imported-key-of-this-gateway', 'up sk-postern-0123456789abcdef'])
      expect(() => hybridCallerKey({ ...own, [header]: said })).toThrow(expect.objectContaining({ status: 400 }));
  });
});

it('other modes refuse the header: the operator’s key would be used instead', () => {
  expect(noCallerKey({})).toBeNull();
  expect(() => noCallerKey({ [header]: `up ${secret}` })).toThrow(expect.objectContaining({ status: 400 }));
});

it('a key that was sent is in nothing that shows what it is part of', () => {
  for (const key of [clientCallerKey(bearer), hybridCallerKey({ [header]: `up ${secret}` })]) {
    const shown = [
      JSON.stringify(key),
      inspect(key, { showHidden: true, depth: 9, getters: false }),
      String(key),
      JSON.stringify({ ...key }),
    ];
    for (const text of shown) expect(text).not.toContain('CANARY');
  }
});

it('no header makes it fail in another way', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (text) => {
      for (const read of [clientCallerKey, hybridCallerKey]) {
        try {
          read({ ...bearer, [header]: text });
        } catch (error) {
          expect(error).toMatchObject({ status: 400, code: 'invalid_provider_key' });
        }
      }
    }),
  );
});
