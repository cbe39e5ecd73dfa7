import { describe, expect, it } from 'vitest';
import { readBody } from '../../../plugins/body.ts';
import { openai } from '../../../providers/openai/index.ts';
import { openaiCompatible } from '../../../providers/openai-compatible/index.ts';
import type { ProviderType } from '../../../providers/provider.ts';
import { callOf, contextOf, targetOf } from '../support.ts';

const signed = { extra_content: { google: { thought_signature: 'c2lnbmF0dXJl' } } };
const call = { id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' } };
const history = (extra: object) => ({
  model: 'upstream-model',
  messages: [
    { role: 'user', content: 'hi' },
    { role: 'assistant', content: null, tool_calls: [{ ...call, ...extra }], ...extra },
    { role: 'tool', tool_call_id: 'c1', content: 'done' },
  ],
  temperature: 0.5,
});
const sent = (type: ProviderType, body: object | string) =>
  type.translate(callOf(body), targetOf({ type }), contextOf())!.request.body!.toString();

describe("another vendor's signatures in a history", () => {
  it('are no foreign bytes to the API that did not issue them', () => {
    expect(JSON.parse(sent(openai, history(signed)))).toEqual(history({}));
  });

  it('pass to compatible servers, some of which issue them', () => {
    expect(sent(openaiCompatible, history(signed))).toContain('c2lnbmF0dXJl');
  });

  it('of which there are none, leave the bytes as they are', () => {
    const body = JSON.stringify(history({}), null, 3);
    expect(sent(openai, body)).toBe(body);
  });

  it('are taken out of a body with images that were cut out of it', () => {
    const image = `data:image/png;base64,${'QUJD'.repeat(40_000)}`;
    const messages = [{ role: 'user', content: [{ type: 'image_url', image_url: { url: image } }] }, ...history(signed).messages];
    const body = readBody(Buffer.from(JSON.stringify({ model: 'upstream-model', messages })));
    const translation = openai.translate({ ...callOf({}), body }, targetOf(), contextOf())!;
    const written = JSON.parse(translation.request.body!.toString()) as { messages: unknown[] };
    expect(written.messages).toEqual([messages[0], ...history({}).messages]);
  });
});
