import { describe, expect, it } from 'vitest';
import { behaviours, builtin } from '../../providers/sandbox/models.ts';
import { serve } from '../../providers/sandbox/serve.ts';
import { chat, events, json, post, textOf } from './sandbox-ask.ts';

describe('sandbox/echo', () => {
  it('says the last user text back, labelled as no model', () => {
    const reply = post('/v1/chat/completions', {
      model: 'echo',
      messages: [
        { role: 'user', content: 'first' },
        { role: 'assistant', content: 'x' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'second ' },
            { type: 'text', text: 'time' },
          ],
        },
      ],
    });
    expect(reply.status).toBe(200);
    expect(json(reply)).toMatchObject({
      object: 'chat.completion',
      model: 'echo',
      system_fingerprint: 'sandbox',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'second time', refusal: null },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
    });
  });

  it('gives the same bytes to the same request and other ids to another', () => {
    expect(textOf(chat('echo'))).toBe(textOf(chat('echo')));
    expect(chat('echo').headers).toEqual(chat('echo').headers);
    expect(json(chat('echo')).id).not.toBe(json(chat('echo', { seed: 1 })).id);
    expect(textOf(chat('echo', { stream: true }))).toBe(textOf(chat('echo', { stream: true })));
  });

  it('counts usage so that prompt and completion make the total', () => {
    expect(json(chat('echo')).usage).toMatchObject({ prompt_tokens: 5, completion_tokens: 5, total_tokens: 10 });
    expect(json(chat('echo', { n: 3 })).usage).toMatchObject({ prompt_tokens: 5, completion_tokens: 15, total_tokens: 20 });
  });

  it('streams role, one delta per word, finish and [DONE]', () => {
    const all = events(chat('echo', { stream: true }));
    expect(all.at(-1)).toBe('[DONE]');
    const chunks = all.slice(0, -1);
    expect(chunks.map(({ choices }) => choices[0].delta.content ?? choices[0].finish_reason)).toEqual([
      '',
      'Say',
      ' these',
      ' five',
      ' words',
      ' back',
      'stop',
    ]);
    expect(new Set(chunks.map(({ id, created, model, object }) => `${id} ${created} ${model} ${object}`)).size).toBe(1);
    expect(chunks.every((chunk) => !('usage' in chunk))).toBe(true);
  });

  it('streams usage last, and null before, only when asked', () => {
    const all = events(chat('echo', { stream: true, stream_options: { include_usage: true } }));
    expect(all.at(-2)).toMatchObject({ choices: [], usage: { prompt_tokens: 5, completion_tokens: 5, total_tokens: 10 } });
    expect(all.slice(0, -2).every(({ usage }) => usage === null)).toBe(true);
  });

  it('answers n times, each choice ended once', () => {
    expect(json(chat('echo', { n: 3 })).choices.map(({ index }: { index: number }) => index)).toEqual([0, 1, 2]);
    const chunks = events(chat('echo', { n: 2, stream: true })).slice(0, -1);
    const said = ['', ''];
    const ended = [0, 0];
    for (const { choices } of chunks) {
      said[choices[0].index] += choices[0].delta.content ?? '';
      if (choices[0].finish_reason === 'stop') ended[choices[0].index]!++;
    }
    expect([said, ended]).toEqual([
      ['Say these five words back', 'Say these five words back'],
      [1, 1],
    ]);
  });

  it('stops at max_completion_tokens with finish_reason length', () => {
    const cut = json(chat('echo', { max_completion_tokens: 2 }));
    expect([cut.choices[0].message.content, cut.choices[0].finish_reason, cut.usage.completion_tokens]).toEqual([
      'Say these',
      'length',
      2,
    ]);
  });

  it('stops before a stop sequence', () => {
    expect(json(chat('echo', { stop: [' five'] })).choices[0]).toMatchObject({
      message: { content: 'Say these' },
      finish_reason: 'stop',
    });
  });

  it('answers with JSON when asked for a JSON object', () => {
    const { content } = json(chat('echo', { response_format: { type: 'json_object' } })).choices[0].message;
    expect(JSON.parse(content)).toEqual({ text: 'Say these five words back' });
  });

  it('joins to the same text whatever it has to say', () => {
    for (const said of [
      '',
      ' ',
      'é́ 漢字漢字漢字漢字漢字漢字漢字漢字漢字',
      '👩‍👩‍👧‍👦'.repeat(20),
      '\n\ndata: [DONE]\n\n',
      'a\u2028b\0c',
    ]) {
      const call = { messages: [{ role: 'user', content: said }] };
      expect(json(chat('echo', call)).choices[0].message.content).toBe(said);
      const streamed = events(chat('echo', { ...call, stream: true })).slice(0, -1);
      expect(streamed.map(({ choices }) => choices[0].delta.content ?? '').join('')).toBe(said);
    }
  });
});

describe('the sandbox', () => {
  it('lists its models', () => {
    const list = json(serve({ method: 'GET', path: '/v1/models', headers: {}, body: null }));
    expect(list.data.map(({ id }: { id: string }) => id)).toEqual([...behaviours.keys()]);
    expect(list.data[0]).toEqual({ id: 'echo', object: 'model', created: expect.any(Number), owned_by: 'sandbox' });
    expect(builtin.map(({ id }) => id)).toEqual([...behaviours.keys()]);
  });

  it('answers 404 for an unknown model, naming those it has', () => {
    const reply = chat('gpt-0');
    expect([reply.status, json(reply).error.code, json(reply).error.message]).toEqual([
      404,
      'model_not_found',
      expect.stringMatching(/echo, tools, embed/),
    ]);
  });

  it.each([
    ['a body that is no JSON', '/chat/completions', '{'],
    ['a body that is no object', '/chat/completions', '[]'],
    ['no model', '/chat/completions', {}],
    ['no messages', '/chat/completions', { model: 'echo' }],
    ['no input', '/responses', { model: 'echo' }],
    ['n out of range', '/chat/completions', { model: 'echo', n: 1000, messages: [{ role: 'user', content: '' }] }],
  ])('answers 400 for %s', (_name, path, body) => {
    expect(post(path, body).status).toBe(400);
  });

  it('answers 404 for a path it does not serve', () => {
    expect(post('/audio/speech', {}).status).toBe(404);
  });
});
