import { findProvider } from '@pydantic/genai-prices';
import { describe, expect, it } from 'vitest';
import { createInstance, resolveBaseUrl } from '../../../providers/instance.ts';
import { openaiCompatible } from '../../../providers/openai-compatible/index.ts';

const presets = Object.entries(openaiCompatible.presets);

describe('presets', () => {
  it.each(presets)('%s has a base URL that resolves to itself', (_name, preset) => {
    const resolved = resolveBaseUrl(preset.base_url!, preset.version ?? openaiCompatible.defaults.version);
    expect(resolved).toBe(preset.base_url!.replace('RESOURCE', 'resource'));
  });

  it.each(presets)('%s is the vendor with a key, or local without one', (_name, preset) => {
    const local = new URL(preset.base_url!).hostname === '127.0.0.1';
    expect({ vendorHost: preset.vendorHost, keyless: preset.keyless }).toEqual({ vendorHost: !local, keyless: local });
    expect(typeof preset.keyVariable).toBe(local ? 'undefined' : 'string');
    expect(preset.base_url).toMatch(local ? /^http:/ : /^https:/);
  });

  it.each(presets.filter(([, { priceProvider }]) => priceProvider !== undefined))(
    '%s has prices in the built-in data',
    (_name, preset) => {
      expect(findProvider({ providerId: preset.priceProvider! })?.id).toBe(preset.priceProvider);
    },
  );

  it('an entry of the environment names a preset that is there', () => {
    for (const { preset } of openaiCompatible.environment) expect(Object.keys(openaiCompatible.presets)).toContain(preset);
  });

  it('authenticates with a bearer key, and at Azure with its own header', () => {
    const headers = (preset: string) =>
      createInstance('x', { type: 'openai-compatible', preset, api_key: 'secret' }, openaiCompatible).credentials[0]!.headers;
    expect(headers('groq')).toMatchObject({ authorization: 'Bearer secret' });
    expect(headers('azure')).toEqual({ 'api-key': 'secret' });
  });

  it('marks with capitals the host that only the entry can name', () => {
    const marked = presets.filter(([, { base_url }]) => /^\w+:\/\/[^/]*[A-Z]/.test(base_url!)).map(([name]) => name);
    expect(marked).toEqual(['azure']);
  });

  it('a base URL of the operator is trusted as written, with or without its version', () => {
    const entry = { type: 'openai-compatible', preset: 'groq', base_url: 'http://10.0.0.7:9000' };
    const instance = createInstance('x', entry, openaiCompatible);
    expect(instance).toMatchObject({ vendorHost: false, baseUrl: 'http://10.0.0.7:9000/openai/v1' });
  });
});
