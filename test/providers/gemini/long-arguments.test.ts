import { expect, it } from 'vitest';
import { readBody } from '../../../plugins/body.ts';
import { targetOf, translationOf } from './support.ts';

it('arguments of a call that are long enough to be cut out of the body are still an object', () => {
  const args = { path: 'a.txt', content: `"é…#1"\n`.repeat(20_000) };
  const request = {
    model: 'any',
    messages: [
      { role: 'user', content: [{ type: 'image_url', image_url: { url: `data:image/png;base64,${'QUJD'.repeat(30_000)}` } }] },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'c1', type: 'function', function: { name: 'write', arguments: JSON.stringify(args) } }],
      },
      { role: 'tool', tool_call_id: 'c1', content: 'done' },
    ],
    tools: [{ type: 'function', function: { name: 'write' } }],
  };
  const body = readBody(Buffer.from(JSON.stringify(request)));
  expect(body.cut?.size).toBe(2);
  const sent = JSON.parse(translationOf(request, targetOf(), { body }).request.body!.toString());
  expect(sent.contents[1].parts[0].functionCall.args).toEqual(args);
});
