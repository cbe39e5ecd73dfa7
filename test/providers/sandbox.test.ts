import { describe, expect, it } from 'vitest';
import type { LocalReply } from '../../providers/provider.ts';
import { behaviours, builtin } from '../../providers/sandbox/models.ts';
import { serve } from '../../providers/sandbox/serve.ts';

type Step = { readonly after: number; readonly bytes?: Buffer; readonly cut?: boolean };

const post = (path: string, body: unknown): LocalReply =>
  serve({ method: 'POST', path, headers: {}, body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)) });
const chat = (model: string, more: Record<string, unknown> = {}): LocalReply =>
  post('/chat/completions', { model, messages: [{ role: 'user', content: 'Say these five words back' }], ...more });
const steps = (reply: LocalReply): Step[] => [...reply.steps];
const textOf = (reply: LocalReply): string => Buffer.concat(steps(reply).map(({ bytes }) => bytes ?? Buffer.alloc(0))).toString();
// biome-ignore lint/suspicious/noExplicitAny: answers are looked into by path
const json = (reply: LocalReply): any => JSON.parse(textOf(reply));
/** The data of every event, parsed but for `[DONE]`. */
// biome-ignore lint/suspicious/noExplicitAny: chunks are looked into by path
const events = (reply: LocalReply): any[] =>
  textOf(reply)
    .split('\n\n')
    .filter(Boolean)
    .map((event) => event.replace(/^(?:event: .*\n)?data: /, ''))
    .map((data) => (data === '[DONE]' ? data : JSON.parse(data)));
const total = (reply: LocalReply): number => steps(reply).reduce((sum, { after }) => sum + after, 0);

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

describe('sandbox/tools', () => {
  const weather = {
    type: 'function',
    function: { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } },
  };
  const clock = { type: 'function', function: { name: 'clock' } };
  const grep = { type: 'custom', custom: { name: 'grep' } };
  const callsOf = (more: Record<string, unknown>) => json(chat('tools', more)).choices[0].message.tool_calls;

  it('calls the first tool with arguments for its schema', () => {
    const choice = json(chat('tools', { tools: [weather, clock] })).choices[0];
    expect(choice).toMatchObject({ finish_reason: 'tool_calls', message: { content: null } });
    expect(choice.message.tool_calls).toEqual([
      { id: expect.stringMatching(/^call_/), type: 'function', function: { name: 'weather', arguments: '{"city":"text"}' } },
    ]);
  });

  it('calls the tool that tool_choice names, also from a list of allowed ones', () => {
    const named = { tools: [weather, clock], tool_choice: { type: 'function', function: { name: 'clock' } } };
    const allowed = {
      tools: [weather, clock],
      tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [clock] } },
    };
    for (const more of [named, allowed]) expect(callsOf(more)).toMatchObject([{ function: { name: 'clock', arguments: '{}' } }]);
  });

  it('calls all tools, each with its own id, when calls may be parallel', () => {
    const calls = callsOf({ tools: [weather, clock], parallel_tool_calls: true });
    expect(calls.map((call: { function: { name: string } }) => call.function.name)).toEqual(['weather', 'clock']);
    expect(new Set(calls.map(({ id }: { id: string }) => id)).size).toBe(2);
  });

  it('calls a custom tool with free text', () => {
    expect(callsOf({ tools: [grep] })).toEqual([
      { id: expect.any(String), type: 'custom', custom: { name: 'grep', input: 'text' } },
    ]);
  });

  it('answers instead when it may not call', () => {
    expect(json(chat('tools', { tools: [weather], tool_choice: 'none' })).choices[0].message.content).toBe(
      'Say these five words back',
    );
  });

  it('answers with the content of a tool result', () => {
    const messages = [
      { role: 'user', content: 'Weather?' },
      { role: 'assistant', content: null, tool_calls: [] },
      { role: 'tool', tool_call_id: 'c', content: 'Sunny, 21 °C' },
    ];
    expect(json(chat('tools', { messages, tools: [weather] })).choices[0]).toMatchObject({
      message: { content: 'Sunny, 21 °C' },
      finish_reason: 'stop',
    });
  });

  it('streams id and name once per call, then arguments, by index', () => {
    const chunks = events(chat('tools', { tools: [weather, clock], parallel_tool_calls: true, stream: true })).slice(0, -1);
    const fragments = chunks.flatMap(({ choices }) => choices[0].delta.tool_calls ?? []);
    expect(fragments.filter(({ id }) => id !== undefined).map(({ index }) => index)).toEqual([0, 1]);
    const args = ['', ''];
    for (const fragment of fragments) args[fragment.index] += fragment.function.arguments;
    expect(args).toEqual(['{"city":"text"}', '{}']);
    expect(chunks.at(-1).choices[0].finish_reason).toBe('tool_calls');
  });
});

describe('sandbox/embed', () => {
  const embed = (more: Record<string, unknown>) => post('/embeddings', { model: 'embed', input: 'hello', ...more });
  const norm = (values: readonly number[]) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

  it('makes unit vectors of 1536 numbers, the same for the same text', () => {
    const { data, object, usage } = json(embed({ input: ['hello', 'world', 'hello'] }));
    expect([object, data.length, data[0].embedding.length]).toEqual(['list', 3, 1536]);
    for (const { embedding } of data) expect(norm(embedding)).toBeCloseTo(1, 5);
    expect(data[0].embedding).toEqual(data[2].embedding);
    expect(data[0].embedding).not.toEqual(data[1].embedding);
    expect(usage).toEqual({ prompt_tokens: 3, total_tokens: 3 });
  });

  it('gives base64 as the little-endian float32 values of the same vector', () => {
    const bytes = Buffer.from(json(embed({ encoding_format: 'base64' })).data[0].embedding, 'base64');
    const values = Array.from({ length: bytes.length / 4 }, (_, at) => bytes.readFloatLE(at * 4));
    expect(values).toEqual(json(embed({})).data[0].embedding);
  });

  it('makes vectors of the length asked for, still of length 1', () => {
    const [{ embedding }] = json(embed({ dimensions: 7 })).data;
    expect([embedding.length, norm(embedding)]).toEqual([7, expect.closeTo(1, 5)]);
  });

  it('takes token ids', () => {
    expect(json(embed({ input: [1, 2, 3] })).data).toHaveLength(1);
    expect(json(embed({ input: [[1, 2], [3]] })).usage.prompt_tokens).toBe(3);
  });

  it.each([
    [{ input: '' }],
    [{ input: [] }],
    [{ input: [''] }],
    [{ input: 5 }],
    [{ dimensions: 0 }],
    [{ encoding_format: 'hex' }],
  ])('refuses %j', (more) => {
    const reply = embed(more);
    expect([reply.status, json(reply).error.param]).toEqual([400, Object.keys(more)[0]]);
  });

  it('does not chat, and the others make no embeddings', () => {
    expect(chat('embed').status).toBe(400);
    expect(post('/embeddings', { model: 'echo', input: 'x' }).status).toBe(400);
  });
});

describe('sandbox responses', () => {
  const respond = (more: Record<string, unknown>) => post('/responses', { model: 'echo', input: 'Say these words', ...more });
  const weather = { type: 'function', name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } };

  it('answers with one message', () => {
    expect(json(respond({}))).toMatchObject({
      object: 'response',
      status: 'completed',
      model: 'echo',
      output: [
        { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Say these words', annotations: [] }] },
      ],
      usage: { input_tokens: 3, output_tokens: 3, total_tokens: 6 },
    });
  });

  it('streams named events in order, numbered, ending in response.completed and without [DONE]', () => {
    const text = textOf(respond({ stream: true }));
    const names = [...text.matchAll(/^event: (.*)$/gm)].map(([, name]) => name);
    expect(names).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      ...Array(3).fill('response.output_text.delta'),
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.completed',
    ]);
    const all = events(respond({ stream: true }));
    expect(all.map(({ type }) => type)).toEqual(names);
    expect(all.map(({ sequence_number }) => sequence_number)).toEqual(names.map((_, at) => at));
    expect(all.at(-1).response.output[0].content).toEqual(json(respond({})).output[0].content);
    expect(all.at(-1).response.usage.total_tokens).toBe(6);
  });

  it('calls tools, and answers with their results', () => {
    const tools = { model: 'tools', tools: [weather] };
    expect(json(respond(tools)).output).toMatchObject([
      { type: 'function_call', name: 'weather', arguments: '{"city":"text"}', call_id: expect.stringMatching(/^call_/) },
    ]);
    const names = events(respond({ ...tools, stream: true })).map(({ type }) => type);
    expect(names.slice(2)).toEqual([
      'response.output_item.added',
      'response.function_call_arguments.delta',
      'response.function_call_arguments.done',
      'response.output_item.done',
      'response.completed',
    ]);
    const input = [
      { role: 'user', content: 'Weather?' },
      { type: 'function_call_output', call_id: 'c', output: 'Sunny' },
    ];
    expect(json(respond({ ...tools, input })).output[0].content[0].text).toBe('Sunny');
  });

  it('ends as incomplete at max_output_tokens', () => {
    expect(json(respond({ max_output_tokens: 1 }))).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
    });
    expect(events(respond({ max_output_tokens: 1, stream: true })).at(-1).type).toBe('response.incomplete');
  });

  it('answers with a value of the schema asked for', () => {
    const text = {
      format: {
        type: 'json_schema',
        name: 'x',
        schema: { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'] },
      },
    };
    expect(JSON.parse(json(respond({ text })).output[0].content[0].text)).toEqual({ ok: true });
  });

  it('streams a failure as an error event', () => {
    expect(textOf(respond({ model: 'error-in-200', stream: true }))).toMatch(/^event: error\ndata: {"type":"error"/);
  });
});

describe('sandbox faults', () => {
  it.each([400, 401, 403, 404, 429, 500, 503, 529])('error-%d answers with that status and an error', (status) => {
    const reply = chat(`error-${status}`);
    expect(reply.status).toBe(status);
    expect(json(reply).error).toEqual({
      message: expect.any(String),
      type: expect.any(String),
      param: null,
      code: status === 500 ? null : expect.any(String),
    });
  });

  it('error-429 asks for a wait of a second', () => {
    expect(chat('error-429').headers['retry-after']).toBe('1');
  });

  it('html is a page under 200', () => {
    expect([chat('html').status, chat('html').headers['content-type'], textOf(chat('html'))]).toEqual([
      200,
      'text/html; charset=utf-8',
      expect.stringContaining('<h1>'),
    ]);
  });

  it('junk is JSON that breaks off, in a body and in an event', () => {
    expect(() => json(chat('junk'))).toThrow(SyntaxError);
    expect(chat('junk', { stream: true }).headers['content-type']).toMatch('text/event-stream');
    expect(() => events(chat('junk', { stream: true }))).toThrow(SyntaxError);
  });

  it('error-in-200 is an error under status 200, in a body and in a stream', () => {
    expect([chat('error-in-200').status, json(chat('error-in-200')).error.code]).toEqual([200, 'server_error']);
    expect(events(chat('error-in-200', { stream: true }))).toEqual([
      { error: expect.objectContaining({ code: 'server_error' }) },
    ]);
  });

  it('slow brings the first content after 2 s and each further delta after 50 ms', () => {
    const all = steps(chat('slow', { stream: true }));
    expect(all.slice(0, 5).map(({ after }) => after)).toEqual([0, 2000, 50, 50, 50]);
    expect(total(chat('slow'))).toBe(2000 + 4 * 50);
  });

  it('stall is silent for longer than anyone waits', () => {
    for (const stream of [true, false]) {
      expect(steps(chat('stall', { stream }))).toEqual([{ after: 3_600_000, cut: true }]);
    }
  });

  it('cut breaks off after some content, or half way through the body', () => {
    const streamed = steps(chat('cut', { stream: true }));
    expect(streamed.at(-1)).toEqual({ after: 0, cut: true });
    expect(streamed.filter(({ bytes }) => bytes?.toString().includes('"content":" ')).length).toBeGreaterThan(1);
    const [half, end] = steps(chat('cut'));
    expect(end).toEqual({ after: 0, cut: true });
    expect(() => JSON.parse(half!.bytes!.toString())).toThrow(SyntaxError);
  });

  it('cut-before-content breaks off after the role, or with nothing of the body', () => {
    const streamed = steps(chat('cut-before-content', { stream: true }));
    expect(streamed.map(({ cut }) => cut === true)).toEqual([false, true]);
    expect(streamed[0]!.bytes!.toString()).toContain('"role":"assistant"');
    expect(steps(chat('cut-before-content'))).toEqual([{ after: 0, cut: true }]);
  });

  it('no-finish ends cleanly with content and without finish_reason or [DONE]', () => {
    const all = events(chat('no-finish', { stream: true }));
    expect(all.length).toBeGreaterThan(5);
    expect(all.some((event) => event === '[DONE]' || event.choices[0].finish_reason !== null)).toBe(false);
    expect(steps(chat('no-finish', { stream: true })).some(({ cut }) => cut)).toBe(false);
    expect(json(chat('no-finish')).choices[0].finish_reason).toBeNull();
  });

  it('long has 10,000 deltas, made one at a time', () => {
    const started = performance.now();
    const iterator = chat('long', { stream: true }).steps[Symbol.iterator]();
    iterator.next();
    expect(performance.now() - started).toBeLessThan(200);
    const all = events(chat('long', { stream: true })).slice(0, -1);
    expect(all.filter(({ choices }) => choices[0].delta.content)).toHaveLength(10_000);
    expect(json(chat('long')).usage.completion_tokens).toBe(10_000);
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
