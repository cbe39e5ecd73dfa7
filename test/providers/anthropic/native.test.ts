import { describe, expect, it } from 'vitest';
import { anthropic } from '../../../providers/anthropic/index.ts';
import { callOf, contextOf } from '../support.ts';
import { anthropicTarget, headers, refusal, sent } from './support.ts';

describe('the vendor’s own options', () => {
  it('are sent as they are', () => {
    const options = {
      context_management: { edits: [{ type: 'clear_tool_uses_20250919' }] },
      container: 'container_1',
      mcp_servers: [{ type: 'url', url: 'https://mcp.test', name: 'm' }],
      inference_geo: 'eu',
      speed: 'fast',
      cache_control: { type: 'ephemeral', ttl: '1h' },
    };
    expect(sent({ anthropic: options }).body).toMatchObject(options);
  });

  it('join what the request says otherwise', () => {
    const { body } = sent({
      tools: [{ type: 'function', function: { name: 'a' } }],
      user: 'u1',
      service_tier: 'default',
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'n', schema: { type: 'object', properties: {}, additionalProperties: false } },
      },
      anthropic: {
        tools: [{ type: 'web_search_20250305', name: 'web_search' }],
        metadata: { user_id: 'u2' },
        service_tier: 'auto',
        output_config: { effort: 'low' },
        top_k: 5,
      },
    });
    expect(body).toMatchObject({
      tools: [{ name: 'a' }, { type: 'web_search_20250305', name: 'web_search' }],
      metadata: { user_id: 'u2' },
      service_tier: 'auto',
      output_config: { effort: 'low', format: { type: 'json_schema' } },
      top_k: 5,
    });
  });

  it('can ask for beta features, beside those of the configuration', () => {
    expect(sent({ anthropic: { betas: ['files-api-2025-04-14', 'a_b.c'] } }).headers['anthropic-beta']).toBe(
      'files-api-2025-04-14,a_b.c',
    );
    const target = anthropicTarget('claude-sonnet-4-5');
    const configured = { ...target, provider: { ...target.provider, headers: { ...headers, 'anthropic-beta': 'one, two' } } };
    const call = callOf({ model: 'm', messages: [{ role: 'user', content: 'hi' }], anthropic: { betas: ['two', 'three'] } });
    expect(anthropic.translate(call, configured, contextOf())!.request.headers['anthropic-beta']).toBe('one,two,three');
  });

  const refused: readonly (readonly [value: unknown, param: string])[] = [
    ['on', 'anthropic'],
    [[], 'anthropic'],
    [{ fallbacks: 'default' }, 'anthropic.fallbacks'],
    [{ user_profile_id: 'p' }, 'anthropic.user_profile_id'],
    [{ messages: [] }, 'anthropic.messages'],
    [{ model: 'claude-opus-5' }, 'anthropic.model'],
    [{ constructor: {} }, 'anthropic.constructor'],
    [{ betas: 'x' }, 'anthropic.betas'],
    [{ betas: ['a\r\nx-evil: 1'] }, 'anthropic.betas'],
    [{ betas: [1] }, 'anthropic.betas'],
    [{ betas: Array.from({ length: 33 }, () => 'a') }, 'anthropic.betas'],
    [{ tools: ['x'] }, 'anthropic.tools'],
    [{ tools: {} }, 'anthropic.tools'],
    [{ metadata: 'x' }, 'anthropic.metadata'],
    [{ output_config: [] }, 'anthropic.output_config'],
    [{ top_k: '5' }, 'anthropic.top_k'],
    [{ service_tier: 1 }, 'anthropic.service_tier'],
  ];
  for (const [value, param] of refused) {
    it(`are refused by name: ${JSON.stringify(value).slice(0, 60)}`, () => {
      expect(refusal({ anthropic: value })).toMatchObject({ reason: 'invalid_request', param });
    });
  }

  it('may be null', () => {
    expect(sent({ anthropic: { metadata: null, tools: null, x: null } }).body).toEqual(sent({}).body);
  });
});
