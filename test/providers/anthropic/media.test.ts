import { describe, expect, it } from 'vitest';
import { anthropic } from '../../../providers/anthropic/index.ts';
import type { Call } from '../../../providers/provider.ts';
import { callOf, contextOf } from '../support.ts';
import { anthropicTarget, refusal, sent } from './support.ts';

type Json = Record<string, unknown>;

const image = (url: string, more: Json = {}) => ({ type: 'image_url', image_url: { url, ...more } });
const file = (more: Json) => ({ type: 'file', file: more });
const ask = (part: Json) => ({ messages: [{ role: 'user', content: [{ type: 'text', text: 'look' }, part] }] });
const blockOf = (part: Json) => ((sent(ask(part)).body.messages as { content: Json[] }[])[0]!.content as Json[])[1];

describe('a picture or a document', () => {
  const pdf = 'JVBERi0xLjcK';
  const text = Buffer.from('Grüße, 日本\n').toString('base64');
  const cases: readonly (readonly [name: string, part: Json, block: Json])[] = [
    [
      'a picture as data',
      image('data:image/png;base64,iVBORw0='),
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0=' } },
    ],
    [
      'a picture with the wrong name of its type',
      image('data:image/JPG;name=x.jpg;base64,/9j/'),
      { type: 'image', source: { type: 'base64', media_type: 'image/jpeg', data: '/9j/' } },
    ],
    [
      'a picture by address',
      image('https://x.test/a.png'),
      { type: 'image', source: { type: 'url', url: 'https://x.test/a.png' } },
    ],
    [
      'a PDF as data',
      file({ filename: 'a.pdf', file_data: `data:application/pdf;base64,${pdf}` }),
      { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: pdf }, title: 'a.pdf' },
    ],
    [
      'bare base64 of a PDF',
      file({ file_data: pdf }),
      { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: pdf } },
    ],
    [
      'a PDF by address',
      file({ file_data: 'https://x.test/a.pdf' }),
      { type: 'document', source: { type: 'url', url: 'https://x.test/a.pdf' } },
    ],
    [
      'a text',
      file({ filename: 'a.md', file_data: `data:text/markdown;charset=utf-8;base64,${text}` }),
      { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'Grüße, 日本\n' }, title: 'a.md' },
    ],
    [
      'a picture sent as a file',
      file({ file_data: 'data:image/webp;base64,UklGRg==' }),
      { type: 'image', source: { type: 'base64', media_type: 'image/webp', data: 'UklGRg==' } },
    ],
    ['a file by its id', file({ file_id: 'file_01' }), { type: 'document', source: { type: 'file', file_id: 'file_01' } }],
  ];
  for (const [name, part, block] of cases) {
    it(`${name}: becomes the block the API has for it`, () => {
      expect(blockOf(part)).toEqual(block);
    });
  }

  it('in the result of a call goes with it', () => {
    const { body } = sent({
      messages: [
        { role: 'user', content: 'hi' },
        { role: 'assistant', tool_calls: [{ id: 'c', type: 'function', function: { name: 'a', arguments: '{}' } }] },
        { role: 'tool', tool_call_id: 'c', content: [{ type: 'text', text: 'here' }, image('https://x.test/a.png')] },
      ],
    });
    expect((body.messages as { content: Json[] }[])[2]!.content[0]).toMatchObject({
      type: 'tool_result',
      content: [{ type: 'text' }, { type: 'image', source: { type: 'url' } }],
    });
  });

  it('has no level of detail, which is said', () => {
    expect(sent(ask(image('https://x.test/a.png', { detail: 'low' }))).ignored).toEqual(['image_url.detail']);
    expect(sent(ask(image('https://x.test/a.png', { detail: 'auto' }))).ignored).toEqual([]);
  });

  const refused: readonly (readonly [name: string, part: Json])[] = [
    ['a picture by an address without encryption', { type: 'image_url', image_url: { url: 'http://x.test/a.png' } }],
    ['a type of picture the API does not take', image('data:image/tiff;base64,AAAA')],
    ['an address that is none', image('gs://bucket/a.png')],
    ['data that is not base64', image('data:image/png,xyz')],
    ['sound', { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } }],
    ['a film', { type: 'video_url', video_url: { url: 'https://x.test/a.mp4' } }],
    ['an office file', file({ file_data: 'data:application/msword;base64,AAAA' })],
    ['bytes of no known kind', file({ file_data: 'AAAA' })],
    ['a part that is not known', { type: 'hologram' }],
  ];
  for (const [name, part] of refused) {
    it(`is refused by its place: ${name}`, () => {
      expect(refusal(ask(part))).toMatchObject({ reason: 'invalid_request', param: 'messages[0].content[1]' });
    });
  }
});

describe('long strings that were cut out of the body', () => {
  /** A call as the body reader makes it: every string of `cuts` is replaced by its beginning and a mark. */
  function cutCall(body: Json, cuts: readonly { readonly text: string; readonly shown: number }[]): Call {
    const call = callOf(body);
    const cut = new Map<string, { start: number; end: number; shown: number }>();
    let json = call.body.bytes.toString();
    for (const { text, shown } of cuts) {
      const escaped = JSON.stringify(text).slice(1, -1);
      const begin = call.body.bytes.indexOf(escaped);
      const standIn = `${escaped.slice(0, shown)}…#${begin}`;
      cut.set(standIn, { start: begin, end: begin + Buffer.byteLength(escaped), shown });
      json = json.replace(escaped, standIn);
    }
    return { ...call, body: { ...call.body, json: JSON.parse(json) as Json, cut } };
  }
  const upstream = (call: Call) => {
    const { request } = anthropic.translate(call, anthropicTarget('claude-sonnet-4-5'), contextOf())!;
    return JSON.parse(request.body!.toString()) as { messages: { content: Json[] }[] };
  };

  it('come in again where they belong', () => {
    const data = 'iVBOR'.repeat(200);
    const url = `data:image/png;base64,${data}`;
    const call = cutCall({ model: 'm', ...ask(image(url)) }, [{ text: url, shown: 40 }]);
    expect(upstream(call).messages[0]!.content[1]).toMatchObject({ source: { data } });
  });

  it('are read themselves where a text is made of them', () => {
    const words = 'Words. '.repeat(100);
    const url = `data:text/plain;base64,${Buffer.from(words).toString('base64')}`;
    const call = cutCall({ model: 'm', ...ask(file({ file_data: url })) }, [{ text: url, shown: 40 }]);
    expect(upstream(call).messages[0]!.content[1]).toMatchObject({ source: { type: 'text', data: words } });
  });

  it('that are the arguments of a call become its input', () => {
    const text = JSON.stringify({ body: 'x "y" '.repeat(100) });
    const messages = [
      { role: 'user', content: 'hi' },
      { role: 'assistant', tool_calls: [{ id: 'c', type: 'function', function: { name: 'write', arguments: text } }] },
      { role: 'tool', tool_call_id: 'c', content: 'done' },
    ];
    const call = cutCall({ model: 'm', messages }, [{ text, shown: 0 }]);
    expect(upstream(call).messages[1]!.content[0]).toMatchObject({ type: 'tool_use', input: { body: 'x "y" '.repeat(100) } });
  });
});
