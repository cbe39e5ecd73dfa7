import { describe, expect, it } from 'vitest';
import { ask, providerOf, refusedParam, targetOf, translationOf, vertexOf } from './support.ts';

type Json = Record<string, unknown>;

const partsOf = (parts: object[], target = targetOf()) =>
  (ask({ messages: [{ role: 'user', content: parts }] }, target).body.contents as { parts: Json[] }[])[0]!.parts;
const image = (url: string, more: object = {}) => ({ type: 'image_url', image_url: { url, ...more } });
const video = (url: string) => ({ type: 'video_url', video_url: { url } });
const sound = (format: string) => ({ type: 'input_audio', input_audio: { data: 'AAAA', format } });
const file = (more: object) => ({ type: 'file', file: more });
const data = (mimeType: string, base64 = 'AAAA') => ({ inlineData: { mimeType, data: base64 } });

describe('a medium becomes', () => {
  it.each([
    ['an image as data', image('data:image/png;base64,AAAA'), data('image/png')],
    ['an image under a wrong name', image('data:image/jpg;base64,AAAA'), data('image/jpeg')],
    ['a type with parameters', image('data:image/webp;x=y;base64,AAAA'), data('image/webp')],
    [
      'an image by URL',
      image('https://a.test/x/b.PNG?w=1'),
      { fileData: { mimeType: 'image/png', fileUri: 'https://a.test/x/b.PNG?w=1' } },
    ],
    [
      'an image whose query says its type',
      image('https://a.test/i?id=1&fm=webp'),
      { fileData: { mimeType: 'image/webp', fileUri: 'https://a.test/i?id=1&fm=webp' } },
    ],
    [
      'an image whose query has a media type',
      image('https://a.test/i?mime_type=image%2Fheic'),
      { fileData: { mimeType: 'image/heic', fileUri: 'https://a.test/i?mime_type=image%2Fheic' } },
    ],
    ['an image that says nothing', image('https://a.test/i'), { fileData: { fileUri: 'https://a.test/i' } }],
    [
      'a film on YouTube',
      video('https://youtu.be/abc'),
      { fileData: { mimeType: 'video/mp4', fileUri: 'https://youtu.be/abc' } },
    ],
    ['a film as data', video('data:video/webm;base64,AAAA'), data('video/webm')],
    ['sound', sound('wav'), data('audio/wav')],
    ['sound in MP3', sound('mp3'), data('audio/mp3')],
    ['a PDF', file({ file_data: 'data:application/pdf;base64,AAAA', filename: 'a.pdf' }), data('application/pdf')],
    ['a PDF without any sign of it', file({ file_data: 'JVBERi0xLjQ=' }), data('application/pdf', 'JVBERi0xLjQ=')],
    ['a file by its name', file({ file_data: 'AAAA', filename: 'table.csv' }), data('text/csv')],
    [
      'a file of the Files API',
      file({ file_id: 'files/abc-1' }),
      { fileData: { fileUri: 'https://generativelanguage.googleapis.com/v1beta/files/abc-1' } },
    ],
    [
      'its URI',
      file({ file_id: 'https://generativelanguage.googleapis.com/v1beta/files/abc', filename: 'a.pdf' }),
      { fileData: { mimeType: 'application/pdf', fileUri: 'https://generativelanguage.googleapis.com/v1beta/files/abc' } },
    ],
  ])('%s', (_name, part, expected) => {
    expect(partsOf([part])).toEqual([expected]);
  });

  it('a file with a type on Vertex AI, which wants one', () => {
    const target = targetOf(undefined, vertexOf());
    expect(partsOf([image('https://a.test/i'), file({ file_id: 'gs://bucket/a' })], target)).toEqual([
      { fileData: { mimeType: 'image/jpeg', fileUri: 'https://a.test/i' } },
      { fileData: { mimeType: 'application/pdf', fileUri: 'gs://bucket/a' } },
    ]);
  });

  it('a file below the configured base URL', () => {
    const target = targetOf(undefined, providerOf({ base_url: 'https://proxy.test/gemini' }));
    const { request } = translationOf({ messages: [{ role: 'user', content: [file({ file_id: 'files/abc' })] }] }, target);
    expect(request.body!.toString()).toContain('"fileUri":"https://proxy.test/gemini/v1beta/files/abc"');
  });
});

describe('detail', () => {
  const url = 'data:image/png;base64,AAAA';

  it.each([
    ['low', 'MEDIA_RESOLUTION_LOW'],
    ['high', 'MEDIA_RESOLUTION_HIGH'],
  ])('%s is a resolution of the part', (detail, level) => {
    expect(partsOf([image(url, { detail })])).toEqual([{ ...data('image/png'), mediaResolution: { level } }]);
  });

  it('auto is none', () => {
    expect(partsOf([image(url, { detail: 'auto' })])).toEqual([data('image/png')]);
  });

  it('has no effect where a part has no resolution', () => {
    const asked = ask({ messages: [{ role: 'user', content: [image(url, { detail: 'high' })] }] }, targetOf('gemini-2.5-flash'));
    expect(asked.ignored).toEqual(['messages[0].content[0].image_url.detail']);
  });
});

describe('what cannot be handed over', () => {
  it.each([
    ['a data URL without base64', image('data:image/svg+xml,%3Csvg/%3E')],
    ['a local file', image('file:///etc/passwd')],
    ['a bare name', image('cat.png')],
    ['a file of another service', file({ file_id: 'file-abc123' })],
    ['a path instead of a file', file({ file_id: 'files/../models' })],
  ])('is refused by its place: %s', (_name, part) => {
    const messages = [{ role: 'user', content: [{ type: 'text', text: 'See' }, part] }];
    expect(refusedParam({ messages })).toBe('messages[0].content[1]');
  });
});

describe('a large image', () => {
  it('is copied into the document once, however it is encoded', () => {
    const base64 = 'A'.repeat(4 * 1024 * 1024);
    const { translation } = ask({ messages: [{ role: 'user', content: [image(`data:image/png;base64,${base64}`)] }] });
    expect(translation.request.body!.length).toBeLessThan(base64.length + 200);
  });
});
