import { expect, it } from 'vitest';
import { readBody } from '../../../plugins/body.ts';
import { ask, chunksOf, documentOf, play, say, targetOf, translationOf } from './support.ts';

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

it('whole numbers in the arguments of a streamed call keep their digits, where a double would lose some', () => {
  const document = JSON.stringify(
    documentOf([{ functionCall: { name: 'find', args: { id: '@' } } }], {}, { finishReason: 'STOP' }),
  );
  const event = document.replace('"@"', '9007199254740993');
  const translator = ask({ ...say('Hi'), stream: true }).translation.stream();
  const chunks = chunksOf(play(translator, Buffer.from(`data: ${event}\n\n`)));
  expect(JSON.stringify(chunks)).toContain('{\\"id\\":9007199254740993}');
});
