import { isDeepStrictEqual } from 'node:util';
import type { RecordedCall } from '../helper/http-request.ts';
import { ask, type Reply } from './client.ts';
import { eventData, type Json, object, objects, text } from './expected.ts';
import { modelOf, type Replaying } from './replaying.ts';
import type { UpstreamAnswer } from './upstream-answers.ts';
import type { Way } from './ways.ts';

/** What the API takes from those who have no signature. */
const sentinel = 'skip_thought_signature_validator';

/**
 * A client that keeps only what the API documents sends the results of the recorded calls: what of the proofs that came with
 * them does not come back to the provider, each on its own part.
 */
export async function nextTurnDifferences({ gateway, player }: Replaying, answer: UpstreamAnswer): Promise<string[]> {
  const way: Way = { answer, stream: answer.streamed, usage: false, base64: false, seed: null };
  const mark = player.expect(way);
  // A model that thinks was asked to.
  const thinking = answer.expected.kind === 'answer' && answer.expected.choices[0]!.reasoning !== '';
  const effort = thinking ? { reasoning_effort: 'medium' } : {};
  const first = await ask(gateway.url, modelOf(answer), answer, { ...way, mark }, effort);
  const message = plainMessage(first, answer.streamed);
  const calls = objects(message.tool_calls);
  let sent: RecordedCall | undefined;
  const again = player.expect(way, (call) => {
    sent = call;
  });
  const messages = [
    { role: 'user', content: mark.replace('replay', 'before') },
    message,
    ...calls.map(({ id }) => ({ role: 'tool', tool_call_id: id, content: '{"done":true}' })),
    { role: 'user', content: again },
  ];
  const reply = await ask(gateway.url, modelOf(answer), answer, { ...way, mark: again }, { ...effort, messages });
  if (sent === undefined) return [`the next turn got ${reply.status}: ${reply.body.toString('utf8', 0, 300)}`];
  return answer.dialect === 'gemini' ? signatureDifferences(answer, sent) : thoughtDifferences(answer, sent);
}

/** The assistant's message as an SDK keeps it: role, content and the calls with id, type and function. */
function plainMessage({ body }: Reply, streamed: boolean): Json {
  const documents = streamed
    ? eventData(body.toString('utf8')).flatMap(({ data }) => (data === '[DONE]' ? [] : [object(JSON.parse(data))]))
    : [object(JSON.parse(body.toString('utf8')))];
  const calls = new Map<unknown, { id: unknown; type: 'function'; function: { name: unknown; arguments: string } }>();
  let content: string | null = null;
  for (const choice of documents.flatMap((document) => objects(document.choices))) {
    const said = object(choice.delta ?? choice.message);
    content = text(said.content) === null ? content : (content ?? '') + String(said.content);
    for (const [at, call] of objects(said.tool_calls).entries()) {
      const called = object(call.function);
      const open = calls.get(call.index ?? at);
      if (open !== undefined) open.function.arguments += text(called.arguments) ?? '';
      else {
        calls.set(call.index ?? at, {
          id: call.id,
          type: 'function',
          function: { name: called.name, arguments: text(called.arguments) ?? '' },
        });
      }
    }
  }
  return { role: 'assistant', content, tool_calls: [...calls.values()] };
}

function signatureDifferences(answer: UpstreamAnswer, sent: RecordedCall): string[] {
  const wanted = answer.expected.kind === 'answer' ? answer.expected.choices[0]!.calls.map(({ signature }) => signature) : [];
  const parts = objects(object(sent.json).contents).flatMap((content) => objects(content.parts));
  const got = parts.filter((part) => part.functionCall !== undefined).map((part) => text(part.thoughtSignature));
  const without = got.map((signature) => (signature === sentinel ? null : signature));
  return isDeepStrictEqual(wanted, without)
    ? []
    : [`signatures of the calls: ${got.length} of ${wanted.length}, not as recorded`];
}

/** Thoughts ahead of the first call, with their signatures, stand ahead of it again. */
function thoughtDifferences(answer: UpstreamAnswer, sent: RecordedCall): string[] {
  const turn = objects(object(sent.json).messages).find(({ role }) => role === 'assistant');
  const wanted = thoughtsOf(recordedBlocks(answer));
  const got = thoughtsOf(objects(turn?.content));
  return isDeepStrictEqual(wanted, got) ? [] : [`${got.length} signed thoughts came back instead of ${wanted.length}, or others`];
}

function thoughtsOf(blocks: readonly Json[]): Json[] {
  const call = blocks.findIndex(({ type }) => type === 'tool_use');
  const ahead = blocks.slice(0, call === -1 ? blocks.length : call);
  return ahead.flatMap(({ type, thinking, signature, data }): Json[] => {
    if (type === 'thinking' && typeof signature === 'string' && signature !== '') return [{ type, thinking, signature }];
    return type === 'redacted_thinking' ? [{ type, data }] : [];
  });
}

/** The blocks of the recorded message, put together from its events where it was streamed. */
function recordedBlocks(answer: UpstreamAnswer): Json[] {
  const body = answer.body.toString('utf8');
  if (!answer.streamed) return [...objects(object(JSON.parse(body)).content)];
  const blocks: Record<string, unknown>[] = [];
  for (const { data } of eventData(body)) {
    const event = object(JSON.parse(data));
    if (event.type === 'message_start') blocks.push(...objects(object(event.message).content).map((block) => ({ ...block })));
    if (event.type === 'content_block_start') blocks.push({ ...object(event.content_block) });
    if (event.type !== 'content_block_delta') continue;
    const { thinking, signature } = object(event.delta);
    const open = blocks.at(-1)!;
    if (typeof thinking === 'string') open.thinking = `${text(open.thinking) ?? ''}${thinking}`;
    if (typeof signature === 'string') open.signature = signature;
  }
  return blocks;
}
