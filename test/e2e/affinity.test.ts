import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { chat, errorBody } from '../helper/chat.ts';
import { opened } from '../helper/cleanup.ts';
import { ask as request } from '../helper/client.ts';
import { startGateway, type TestGateway } from '../helper/gateway.ts';
import { ask, provider } from '../helper/overlay.ts';
import { json } from '../helper/replies.ts';
import { startUpstream, type Upstream } from '../helper/upstream.ts';

// Calls that belong together go to the same target, on real sockets.

const names = ['a', 'b', 'c'];

interface Rig {
  readonly gateway: TestGateway;
  readonly upstreams: Readonly<Record<string, Upstream>>;
}

async function rig(model: object, extra: object = {}): Promise<Rig> {
  const upstreams: Record<string, Upstream> = {};
  for (const name of names) upstreams[name] = opened(await startUpstream(chat));
  const gateway = await startGateway({
    overlay: {
      providers: Object.fromEntries(names.map((name) => [name, provider(upstreams[name]!.url)])),
      models: { m: { targets: names.map((name) => ({ provider: name, model: 'up-1' })), ...model } },
      ...extra,
    },
  });
  return { gateway, upstreams };
}

const conversations = Array.from({ length: 20 }, (_, at) => at);
type Say = (conversation: number, turn: number) => object;

/** By each conversation, who answered its next turn. */
async function turn({ gateway }: Rig, say: Say, number: number): Promise<string[]> {
  return Promise.all(
    conversations.map(async (conversation) => {
      const reply = await request(gateway.url, { body: ask(say(conversation, number)) });
      expect(reply.status).toBe(200);
      return reply.headers['x-postern-provider']!;
    }),
  );
}

const system = { role: 'system', content: 'You are terse.' };
const grown = (first: unknown, turns: number) => [
  system,
  { role: 'user', content: first },
  ...Array.from({ length: turns }, (_, at) => ({ role: at % 2 === 0 ? 'assistant' : 'user', content: `turn ${at}` })),
];

const ways: [string, object, Say][] = [
  ['prompt_cache_key, by default', {}, (each) => ({ prompt_cache_key: `conversation-${each}` })],
  ['the user', { affinity: ['user'] }, (each, number) => ({ user: `u${each}`, temperature: number / 10 })],
  ['the prefix', { affinity: ['prefix'] }, (each, number) => ({ messages: grown(`question ${each}`, number * 2) })],
  [
    'the prefix, of prompts so long that they are cut out of the parsed body',
    { affinity: ['prefix'] },
    (each, number) => ({
      ...(number % 2 === 0 ? {} : { temperature: 0.5 }),
      messages: grown([{ type: 'text', text: `${each} ${'long '.repeat(14_000)}` }], number * 2),
    }),
  ],
];

test.each(ways)('20 conversations of 5 turns stay on their targets by %s', async (_name, model, say) => {
  const all = await rig(model);
  const first = await turn(all, say, 0);
  expect(new Set(first).size).toBe(3);
  for (let number = 1; number < 5; number++) expect(await turn(all, say, number)).toEqual(first);
});

test('without affinity the turns of a conversation are spread by the strategy', async () => {
  const all = await rig({ affinity: [] });
  const say: Say = (each) => ({ prompt_cache_key: `conversation-${each}` });
  expect(await turn(all, say, 1)).not.toEqual(await turn(all, say, 0));
});

test('a target that dies loses only its own conversations, nobody notices, and they come back', { retry: 2 }, async () => {
  const health = { consecutive_failures: 1, open_for: '400ms', max_open_for: '400ms', slow_start: '200ms' };
  const all = await rig({}, { health });
  const say: Say = (each) => ({ prompt_cache_key: `conversation-${each}` });
  const first = await turn(all, say, 0);
  const dead = first[0]!;

  all.upstreams[dead]!.script = json(503, errorBody('down'));
  // Their first calls meet the failure and fail over; then the target is out.
  await turn(all, say, 1);
  const meanwhile = await turn(all, say, 2);
  expect(meanwhile).not.toContain(dead);
  expect(meanwhile.filter((name, at) => name !== first[at])).toHaveLength(first.filter((name) => name === dead).length);
  expect(await turn(all, say, 3)).toEqual(meanwhile);

  all.upstreams[dead]!.script = chat;
  await sleep(450);
  await turn(all, say, 4);
  // Its share has grown back.
  await sleep(250);
  expect(await turn(all, say, 5)).toEqual(first);
});

test('the home of a call that has too much to do is left to the strategy', async () => {
  const all = await rig({ strategy: 'least-busy', affinity: ['prompt_cache_key'] });
  const releases: (() => void)[] = [];
  for (const name of names) {
    all.upstreams[name]!.script = async (call, wire) => {
      await new Promise<void>((resolve) => releases.push(resolve));
      await chat(call, wire);
    };
  }
  const send = () => request(all.gateway.url, { body: ask({ prompt_cache_key: 'one and the same' }) });
  const counts = () => names.map((name) => all.upstreams[name]!.calls.length).sort((x, y) => x - y);
  const open: Promise<unknown>[] = [];
  for (let at = 1; at <= 16; at++) {
    open.push(send());
    await expect.poll(() => releases.length, { interval: 2 }).toBe(at);
  }
  // The first 8 are no load; from there on it has no more than 2 times what the others have.
  expect(counts()).toEqual([4, 4, 8]);
  for (const release of releases) release();
  await Promise.all(open);
});
