import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI from 'openai';
import type { ChatCompletionMessageParam, ChatCompletionTool } from 'openai/resources/chat/completions';
import { describe, expect, it } from 'vitest';
import { whenDone } from '../helper/cleanup.ts';
import { startFakeAnthropic, startFakeGemini } from '../helper/fakes/index.ts';
import { startGateway, type TestGateway } from '../helper/gateway.ts';
import { json, sse } from '../helper/replies.ts';
import { startUpstream } from '../helper/upstream.ts';

// A conversation that moves between providers while its client keeps only what the API documents: ids, names, arguments, results.
// The fakes refuse what the real APIs refuse: missing, foreign or changed signatures, calls without results, bad ids.

const tools: ChatCompletionTool[] = ['weather', 'time'].map((name) => ({
  type: 'function',
  function: { name, parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } },
}));

/** A turn of the scripted upstream of the client's own dialect: two calls at once. */
const turn = {
  id: 'chatcmpl-x',
  object: 'chat.completion',
  created: 1_700_000_000,
  model: 'plain',
  choices: [
    {
      index: 0,
      finish_reason: 'tool_calls',
      logprobs: null,
      message: {
        role: 'assistant',
        content: null,
        refusal: null,
        tool_calls: tools.map((tool, index) => ({
          id: `call_plain_${index}`,
          type: 'function',
          function: { name: 'function' in tool ? tool.function.name : '', arguments: '{"city":"Oslo"}' },
        })),
      },
    },
  ],
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
};

const streamed = [
  { choices: [{ index: 0, delta: { role: 'assistant', content: null }, finish_reason: null }] },
  ...turn.choices[0]!.message.tool_calls.map((call, index) => ({
    choices: [{ index: 0, delta: { tool_calls: [{ index, ...call }] }, finish_reason: null }],
  })),
  { choices: [{ index: 0, delta: {}, finish_reason: 'tool_calls' }] },
].map((chunk) => `data: ${JSON.stringify({ id: 'x', object: 'chat.completion.chunk', created: 1, model: 'plain', ...chunk })}`);

interface Kept {
  readonly content: string | null;
  readonly calls: readonly { readonly id: string; readonly name: string; readonly arguments: string }[];
  readonly reason: string;
}

async function rig(stream: boolean) {
  const dataDir = mkdtempSync(join(tmpdir(), 'postern-switch-'));
  whenDone(async () => rmSync(dataDir, { recursive: true, force: true }));
  const gemini = await startFakeGemini();
  const anthropic = await startFakeAnthropic();
  const plain = await startUpstream(stream ? sse([...streamed, 'data: [DONE]']) : json(200, turn));
  let gateway: TestGateway | null = null;

  async function restart(): Promise<OpenAI> {
    await gateway?.close();
    gateway = await startGateway({
      env: { DATA_DIR: dataDir },
      overlay: {
        providers: {
          gemini: { type: 'gemini', base_url: gemini.url, api_key: gemini.apiKey },
          anthropic: { type: 'anthropic', base_url: anthropic.url, api_key: anthropic.apiKey },
          openai: { type: 'openai', base_url: plain.url, api_key: 'sk-plain-000011112222' },
        },
      },
    });
    return new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'none', maxRetries: 0 });
  }

  /** One turn; only what the API documents is kept of the answer. */
  async function ask(model: string, messages: ChatCompletionMessageParam[], more: object = {}): Promise<Kept> {
    const client = await restart();
    const request = { model, messages, tools, ...more };
    const choice = stream
      ? (await client.chat.completions.stream(request).finalChatCompletion()).choices[0]!
      : (await client.chat.completions.create(request)).choices[0]!;
    const calls = (choice.message.tool_calls ?? []).flatMap((call) =>
      call.type === 'function' ? [{ id: call.id, name: call.function.name, arguments: call.function.arguments }] : [],
    );
    return { content: choice.message.content, calls, reason: choice.finish_reason };
  }
  return { gemini, anthropic, plain, ask };
}

/** The next turn's messages: the calls as a plain client writes them, and their results. */
function answered(kept: Kept, result: string): ChatCompletionMessageParam[] {
  return [
    {
      role: 'assistant',
      content: kept.content,
      tool_calls: kept.calls.map(({ id, name, arguments: text }) => ({
        id,
        type: 'function',
        function: { name, arguments: text },
      })),
    },
    ...kept.calls.map(({ id }) => ({ role: 'tool' as const, tool_call_id: id, content: `${result} of ${id}` })),
  ];
}

describe.each([
  ['JSON', false, 'claude-sonnet-4-6'],
  ['streams', true, 'claude-sonnet-4-6'],
  // It takes its thinking back only for a whole turn, so in the middle of one it goes on without.
  ['a model of the older kind of thinking', false, 'claude-haiku-4-5'],
])('a parallel tool loop over three dialects with %s and a restart before every turn', (_what, stream, thinker) => {
  it('is refused by nobody, and no provider sees what another issued', async () => {
    const { gemini, anthropic, plain, ask } = await rig(stream);
    const messages: ChatCompletionMessageParam[] = [
      { role: 'system', content: 'Use the tools.' },
      { role: 'user', content: 'Weather and time in Oslo? steps:9 parallel:2' },
    ];
    const models = [
      ['gemini/gemini-3-flash-preview', {}],
      ['gemini/gemini-3-flash-preview', {}],
      ['openai/plain', {}],
      [`anthropic/${thinker}`, { reasoning_effort: 'medium' }],
      [`anthropic/${thinker}`, { reasoning_effort: 'medium' }],
      ['gemini/gemini-3-flash-preview', {}],
    ] as const;
    const ids = new Set<string>();
    for (const [at, [model, more]] of models.entries()) {
      const kept = await ask(model, messages, more);
      expect(kept.reason, model).toBe('tool_calls');
      expect(kept.calls, model).toHaveLength(2);
      for (const { id, arguments: text } of kept.calls) {
        expect(id).toMatch(/^[A-Za-z0-9_-]{1,40}$/);
        expect(ids.has(id)).toBe(false);
        ids.add(id);
        expect(JSON.parse(text)).toBeTypeOf('object');
      }
      messages.push(...answered(kept, `result ${at}`));
    }

    expect([...gemini.requests, ...anthropic.requests].map((request) => request.refusal)).toEqual(
      [...gemini.requests, ...anthropic.requests].map(() => null),
    );
    const seen = {
      gemini: gemini.requests.filter(({ method }) => method === 'POST').map(({ body }) => JSON.stringify(body)),
      anthropic: anthropic.requests.filter(({ method }) => method === 'POST').map(({ body }) => JSON.stringify(body)),
      plain: plain.calls.filter(({ method }) => method === 'POST').map(({ body }) => body.toString()),
    };
    expect([seen.gemini.length, seen.plain.length, seen.anthropic.length]).toEqual([3, 1, 2]);

    // Its own signature came back to each: Gemini's in turns 2 and 6, the signed thinking in turn 5.
    const signatures = [...seen.gemini[2]!.matchAll(/"thoughtSignature":"([^"]+)"/g)].map((match) => match[1]!);
    expect(new Set(signatures).size).toBeGreaterThanOrEqual(2);
    expect(seen.gemini[1]).toContain('"thoughtSignature"');
    const own = signatures.filter((signature) => signature !== 'skip_thought_signature_validator');
    for (const signature of own) for (const body of [...seen.plain, ...seen.anthropic]) expect(body).not.toContain(signature);
    const thinking = /"signature":"([^"]+)"/.exec(seen.anthropic[1]!)?.[1];
    expect(thinking !== undefined).toBe(thinker === 'claude-sonnet-4-6');
    for (const body of [...seen.plain, ...seen.gemini]) expect(body).not.toContain(thinking ?? '"thinking"');
    for (const body of [...seen.plain, ...seen.anthropic]) expect(body).not.toMatch(/extra_content|thoughtSignature/);
    for (const body of [...seen.plain, ...seen.gemini]) expect(body).not.toMatch(/reasoning_content|"thinking"/);
  });
});

it("a conversation whose signatures are lost goes on with the vendor's own stand-in", async () => {
  const { gemini, ask } = await rig(false);
  const call = { id: 'call_from_elsewhere', name: 'time', arguments: '{"city":"Oslo"}' };
  const kept = await ask('gemini/gemini-3-flash-preview', [
    { role: 'user', content: 'Time in Oslo? steps:2' },
    ...answered({ content: null, calls: [call], reason: 'tool_calls' }, 'noon'),
  ]);
  expect(kept.reason).toBe('tool_calls');
  expect(JSON.stringify(gemini.requests.at(-1)!.body)).toContain('skip_thought_signature_validator');
});

it('an id that the client changed finds nothing, and the conversation goes on', async () => {
  const { gemini, ask } = await rig(false);
  const first = await ask('gemini/gemini-3-flash-preview', [{ role: 'user', content: 'Time in Oslo? steps:2' }]);
  const own = (JSON.stringify(gemini.requests.at(-1)!.body).match(/thoughtSignature/g) ?? []).length;
  expect(own).toBe(0);
  await ask('gemini/gemini-3-flash-preview', [
    { role: 'user', content: 'Time in Oslo? steps:2' },
    ...answered({ ...first, calls: first.calls.map((call) => ({ ...call, id: `${call.id.slice(0, -1)}_` })) }, 'noon'),
  ]);
  expect(JSON.stringify(gemini.requests.at(-1)!.body)).toContain('skip_thought_signature_validator');
});
