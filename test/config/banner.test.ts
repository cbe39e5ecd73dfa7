import { describe, expect, it } from 'vitest';
import { banner } from '../../config/banner.ts';
import type { LoadedConfig } from '../../config/load.ts';
import { createInstance } from '../../providers/instance.ts';
import type { ProviderType } from '../../providers/provider.ts';
import type { Config } from '../../schemas/config.ts';

const remote: ProviderType = {
  type: 'remote',
  dialect: 'x',
  defaults: {},
  presets: {},
  environment: [{ provider: 'remote', apiKey: ['REMOTE_API_KEY'], baseUrl: [] }],
  translate: () => null,
};
const local: ProviderType = {
  ...remote,
  type: 'local',
  environment: [],
  builtin: [{ id: 'echo', created: 0, ownedBy: 'x' }],
  serve: () => ({ status: 200, headers: {}, steps: [] }),
};

const secret = 'sk-postern-canary-canary-canary';
const urls = { api: 'http://127.0.0.1:4000', management: 'http://127.0.0.1:4001' };

interface Setup {
  readonly config?: object;
  readonly keyless?: LoadedConfig['keyless'];
  readonly warnings?: readonly string[];
  readonly providers?: Readonly<Record<string, object>>;
  readonly api?: string;
}

function show({
  config = {},
  keyless = 'derived',
  warnings = [],
  providers = { sandbox: { type: 'local' } },
  api = urls.api,
}: Setup = {}): string {
  const whole = { auth: { mode: 'none' }, keys: {}, models: {}, management: {}, ...config } as unknown as Config;
  const loaded = { config: whole, keyless, warnings, origins: new Map(), files: [], types: [local, remote] } as LoadedConfig;
  const made = Object.entries(providers).map(([name, entry]) => {
    const type = (entry as { type: string }).type === 'local' ? local : remote;
    return [name, createInstance(name, entry as { type: string }, type)] as const;
  });
  return banner(loaded, new Map(made), { ...urls, api });
}

/** One provider takes keys of callers. */
const taking: Setup = {
  keyless: null,
  providers: {
    b: { type: 'remote', base_url: 'https://b.test', models: ['m0'] },
    a: { type: 'remote', base_url: 'https://a.test', models: ['m1'], accept_client_keys: true },
  },
};

describe('the banner', () => {
  it('says where everything is', () => {
    const text = show();
    expect(text).toContain('http://127.0.0.1:4000 (OpenAI base URL: http://127.0.0.1:4000/v1)');
    expect(text).toMatch(/management\s+http:\/\/127\.0\.0\.1:4001 \(health, metrics, \/docs\)/);
  });

  it('names the admin API only when it is on', () => {
    expect(show({ config: { management: { admin_api_key: secret } } })).toContain('/docs, admin API)');
  });

  it('names every provider with its resolved base URL', () => {
    const text = show({ providers: { a: { type: 'remote', base_url: 'https://a.test' }, sandbox: { type: 'local' } } });
    expect(text).toContain('a: https://a.test/v1');
    expect(text).toContain('sandbox: answers in this process, no model');
  });

  it('without a real provider says which variable brings one', () => {
    expect(show()).toContain('set REMOTE_API_KEY');
    expect(show({ providers: { a: { type: 'remote', base_url: 'https://a.test' } } })).not.toContain('REMOTE_API_KEY');
  });

  it.each<[Setup, RegExp]>([
    [{ keyless: 'derived' }, /none asked for on this machine \(set GATEWAY_API_KEYS/],
    [
      { keyless: 'derived', config: { management: { admin_api_key: secret } } },
      /or AUTH_MODE=gateway for those of the admin API/,
    ],
    [{ keyless: 'explicit' }, /none asked for \(auth\.mode: none\)/],
    [
      { keyless: null, config: { auth: { mode: 'gateway' }, management: { admin_api_key: secret } } },
      /0 gateway keys in the configuration, others by the admin API\n/,
    ],
    [{ keyless: null, config: { auth: { mode: 'gateway' }, keys: { a: { secret } } } }, /1 gateway key\n/],
    [{ keyless: null, config: { auth: { mode: 'gateway' }, keys: { a: { secret }, b: { secret } } } }, /2 gateway keys\n/],
    [{ ...taking, config: { auth: { mode: 'client' } } }, /callers send their own of a \(auth\.mode: client\)/],
    [
      { ...taking, config: { auth: { mode: 'hybrid' }, keys: { a: { secret } } } },
      /1 gateway key; callers may bring their own of a \(/,
    ],
  ])('says who may call: %#', (setup, line) => {
    expect(show(setup)).toMatch(line);
  });

  it.each<[Setup, string]>([
    [{}, 'sandbox/echo'],
    [{ config: { models: { 'any/*': {}, smart: {} } } }, 'smart'],
    [{ providers: { a: { type: 'remote', base_url: 'https://a.test', models: ['m1', 'm2'] } } }, 'a/m1'],
    [{ providers: { a: { type: 'remote', base_url: 'https://a.test' } } }, 'a/MODEL'],
    [{ providers: {} }, 'MODEL'],
  ])('ends with a call that can be copied, for a model that is there: %#', (setup, model) => {
    const call = show(setup)
      .split('\n')
      .filter((line) => line !== '')
      .slice(-2);
    expect(call[0]).toMatch(/^curl http:\/\/127\.0\.0\.1:4000\/v1\/chat\/completions .*\\$/);
    const body = /-d '(.*)'$/.exec(call[1]!)![1]!;
    expect(JSON.parse(body)).toEqual({ model, messages: [{ role: 'user', content: 'Hello' }] });
  });

  it('asks for a key in the call only where one is needed', () => {
    expect(show()).not.toContain('authorization');
    expect(show({ keyless: null, config: { auth: { mode: 'gateway' }, keys: { a: { secret } } } })).toContain(
      'authorization: Bearer $',
    );
    const call = show({ ...taking, config: { auth: { mode: 'client' }, models: { smart: {} } } });
    expect(call).toContain('authorization: Bearer $YOUR_PROVIDER_KEY');
    expect(call).toContain('"model": "a/m1"');
    const beside = { ...taking.providers, sandbox: { type: 'local' } };
    expect(show({ ...taking, providers: beside, config: { auth: { mode: 'client' } } })).toContain('"model": "a/m1"');
  });

  it('calls a unix socket as curl does', () => {
    expect(show({ api: 'unix:/run/p.sock' })).toContain('curl --unix-socket /run/p.sock http://localhost/v1/chat/completions');
  });

  it('repeats every warning', () => {
    expect(show({ warnings: ['first thing', 'second thing'] })).toMatch(/warning +first thing\n +warning +second thing\n/);
  });

  it('security 36: shows no secret', () => {
    const text = show({
      keyless: null,
      config: { auth: { mode: 'gateway' }, keys: { a: { secret } }, management: { admin_api_key: secret } },
      providers: {
        a: { type: 'remote', base_url: 'https://a.test', api_key: secret, headers: { x: secret }, query: { key: secret } },
      },
    });
    expect(text).not.toContain('canary');
  });
});
