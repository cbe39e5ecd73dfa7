import { type LookupAddress, type LookupOptions, lookup } from 'node:dns';
import { isIP } from 'node:net';
import fc from 'fast-check';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { guardedLookup, mayConnect } from '../../../plugins/upstream/guard.ts';
import { opened } from '../../helper/cleanup.ts';
import { freePort } from '../../helper/ports.ts';
import { json } from '../../helper/replies.ts';
import { startUpstream } from '../../helper/upstream.ts';
import { credentialAddresses, loopbackUrls, noAddresses, privateAddresses, publicAddresses } from './addresses.ts';
import { failureOf, providerAt, startSender, vendorAt } from './sender.ts';

vi.mock('node:dns', { spy: true });

describe('G24, security 13: addresses', () => {
  it('are at least 80 that a vendor host may not resolve to', () => {
    expect(new Set([...credentialAddresses, ...privateAddresses, ...loopbackUrls]).size).toBeGreaterThanOrEqual(80);
  });

  it.each(credentialAddresses)('%s hands out credentials: refused to everybody', (address) => {
    expect([mayConnect(address, true), mayConnect(address, false)]).toEqual([false, false]);
  });

  it.each(privateAddresses)('%s is not public: refused to vendor hosts, allowed where the operator wrote it', (address) => {
    expect([mayConnect(address, true), mayConnect(address, false)]).toEqual([false, true]);
  });

  it.each(publicAddresses)('%s is public', (address) => {
    expect([mayConnect(address, true), mayConnect(address, false)]).toEqual([true, true]);
  });

  it.each(noAddresses)('%j is no address and refused to everybody', (text) => {
    expect([mayConnect(text, true), mayConnect(text, false)]).toEqual([false, false]);
  });

  it.each(loopbackUrls)('%s is loopback however it is written', (url) => {
    const host = new URL(url).hostname.replace(/^\[|\]$/g, '');
    expect(isIP(host)).not.toBe(0);
    expect(mayConnect(host, true)).toBe(false);
  });

  it('are judged the same whether IPv4 is plain or mapped', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.boolean(), (address, vendor) => {
        const [a, b, c, d] = address.split('.').map(Number) as [number, number, number, number];
        const hex = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
        for (const mapped of [`::ffff:${address}`, `::ffff:${hex}`, `0:0:0:0:0:FFFF:${hex}`]) {
          expect(mayConnect(mapped, vendor)).toBe(mayConnect(address, vendor));
        }
      }),
    );
  });

  it('take any text without throwing', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.ipV6(), fc.ipV4Extended()),
        fc.boolean(),
        (text, vendor) => void mayConnect(text, vendor),
      ),
    );
  });
});

/** Answers of the name service, by name. */
const names = new Map<string, { error?: Error; addresses?: LookupAddress[] }>();
const waiting: (() => void)[] = [];
let hold = false;
const v4 = (address: string): LookupAddress => ({ address, family: 4 });
const v6 = (address: string): LookupAddress => ({ address, family: 6 });

function scriptNames(): void {
  names.clear();
  hold = false;
  const scripted = (name: string, options: LookupOptions, callback: (error: Error | null, ...found: unknown[]) => void) => {
    if (isIP(name) !== 0) {
      // A listener that is bound to an address asks too.
      queueMicrotask(() => (options.all === true ? callback(null, [v4(name)]) : callback(null, name, 4)));
      return;
    }
    const answer = () => {
      const { error, addresses } = names.get(name) ?? {};
      callback(error ?? null, error === undefined ? (addresses ?? []) : (undefined as unknown as LookupAddress[]));
    };
    if (hold) waiting.push(answer);
    else queueMicrotask(answer);
  };
  vi.mocked(lookup).mockReset();
  vi.mocked(lookup).mockImplementation(scripted as unknown as typeof lookup);
}

/** What a socket gets from the lookup: the addresses, or the code of the error. */
function resolve(vendor: boolean, name: string, options: LookupOptions = { all: true }, find = guardedLookup(vendor)) {
  return new Promise<unknown>((done) => {
    find(name, options, (error, address, family) => {
      if (error !== null) done((error as NodeJS.ErrnoException).code);
      else done(options.all === true ? (address as LookupAddress[]).map((each) => each.address) : [address, family]);
    });
  });
}

describe('the guarded lookup', () => {
  beforeEach(scriptNames);

  it('gives the addresses of a name', async () => {
    names.set('vendor.test', { addresses: [v6('2606:4700::1'), v4('8.8.8.8')] });
    expect(await resolve(true, 'vendor.test')).toEqual(['2606:4700::1', '8.8.8.8']);
    expect(await resolve(true, 'vendor.test', {})).toEqual(['2606:4700::1', 6]);
  });

  it.each([
    [4, '8.8.8.8'],
    ['IPv4', '8.8.8.8'],
    [6, '2606:4700::1'],
    ['IPv6', '2606:4700::1'],
    [0, '2606:4700::1'],
  ] as const)('gives those of the family asked for: %s', async (family, address) => {
    names.set('vendor.test', { addresses: [v6('2606:4700::1'), v4('8.8.8.8')] });
    expect(await resolve(true, 'vendor.test', { family })).toEqual([address, isIP(address)]);
  });

  it('says so when there is none of that family', async () => {
    names.set('vendor.test', { addresses: [v4('8.8.8.8')] });
    expect(await resolve(true, 'vendor.test', { family: 6 })).toBe('ENOTFOUND');
  });

  it('security 13, rebinding: one private address among public ones refuses the whole answer', async () => {
    for (const bad of ['10.0.0.1', '::1', '::ffff:127.0.0.1', '169.254.169.254', 'fe80::1%eth0']) {
      names.set('vendor.test', { addresses: [v4('8.8.8.8'), { address: bad, family: isIP(bad.split('%')[0]!) }] });
      expect(await resolve(true, 'vendor.test')).toBe('POSTERN_EGRESS');
      // Also when the socket would only have taken the good one.
      expect(await resolve(true, 'vendor.test', { family: 4 })).toBe('POSTERN_EGRESS');
    }
  });

  it('security 13, rebinding: every connection asks anew, so a name that changes is refused', async () => {
    const find = guardedLookup(true);
    names.set('vendor.test', { addresses: [v4('8.8.8.8')] });
    expect(await resolve(true, 'vendor.test', { all: true }, find)).toEqual(['8.8.8.8']);
    names.set('vendor.test', { addresses: [v4('127.0.0.1')] });
    expect(await resolve(true, 'vendor.test', { all: true }, find)).toBe('POSTERN_EGRESS');
  });

  it('lets a host of the operator be private, but never a place of credentials', async () => {
    names.set('inside.test', { addresses: [v4('10.0.0.7')] });
    expect(await resolve(false, 'inside.test')).toEqual(['10.0.0.7']);
    names.set('inside.test', { addresses: [v4('10.0.0.7'), v4('169.254.169.254')] });
    expect(await resolve(false, 'inside.test')).toBe('POSTERN_EGRESS');
  });

  it('U2: passes on that a name does not resolve', async () => {
    names.set('gone.test', { error: Object.assign(new Error('x'), { code: 'ENOTFOUND' }) });
    expect(await resolve(true, 'gone.test')).toBe('ENOTFOUND');
  });

  it('U2: asks once for a name that is being asked for, so that a slow name fills no thread pool', async () => {
    hold = true;
    names.set('slow.test', { addresses: [v4('8.8.8.8')] });
    names.set('other.test', { addresses: [v4('1.1.1.1')] });
    const find = guardedLookup(true);
    const all = Array.from({ length: 20 }, (_, at) =>
      resolve(true, at % 5 === 0 ? 'other.test' : 'slow.test', { all: true }, find),
    );
    expect(vi.mocked(lookup)).toHaveBeenCalledTimes(2);
    for (const answer of waiting.splice(0)) answer();
    expect(new Set((await Promise.all(all)).flat())).toEqual(new Set(['1.1.1.1', '8.8.8.8']));
    hold = false;
    await resolve(true, 'slow.test', { all: true }, find);
    expect(vi.mocked(lookup)).toHaveBeenCalledTimes(3);
  });

  it('asks again after a failure', async () => {
    const find = guardedLookup(true);
    names.set('flaky.test', { error: Object.assign(new Error('x'), { code: 'EAI_AGAIN' }) });
    expect(await resolve(true, 'flaky.test', { all: true }, find)).toBe('EAI_AGAIN');
    names.set('flaky.test', { addresses: [v4('8.8.8.8')] });
    expect(await resolve(true, 'flaky.test', { all: true }, find)).toEqual(['8.8.8.8']);
  });
});

describe('G24: what really connects', () => {
  beforeEach(scriptNames);
  const refusal = { reason: 'connect', code: 'POSTERN_EGRESS', unsent: true, stale: false };

  it.each(loopbackUrls)('a vendor host at %s: no packet', async (url) => {
    const server = opened(await startUpstream(json(200, {})));
    const { how } = await (await startSender()).send(vendorAt(`${url}:${server.port}`));
    expect(failureOf(how)).toMatchObject(refusal);
    expect(server.connections()).toBe(0);
  });

  it('a vendor host whose name resolves to this machine: no packet', async () => {
    names.set('vendor.test', { addresses: [v4('127.0.0.1')] });
    const server = opened(await startUpstream(json(200, {})));
    const { how } = await (await startSender()).send(vendorAt(`http://vendor.test:${server.port}`));
    expect(failureOf(how)).toMatchObject(refusal);
    expect(failureOf(how).message).not.toContain('127.0.0.1');
    expect(server.connections()).toBe(0);
  });

  it('a host of the operator may be this machine, by address and by name', async () => {
    names.set('inside.test', { addresses: [v4('127.0.0.1')] });
    const server = opened(await startUpstream(json(200, {})));
    for (const url of [server.url, `http://inside.test:${server.port}`]) {
      expect((await (await startSender()).send(providerAt(url))).how).toBe('end');
    }
  });

  it.each(['http://169.254.169.254', 'http://0xA9FEA9FE', 'http://[::ffff:169.254.169.254]', 'http://[fd00:ec2::254]'])(
    'a place of credentials is refused to the operator too: %s',
    async (url) => {
      const { how } = await (await startSender()).send(providerAt(`${url}:${await freePort()}`));
      expect(failureOf(how)).toMatchObject(refusal);
    },
  );
});
