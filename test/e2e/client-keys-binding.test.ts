import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { allowTime, runs, seed } from '../fuzz/dice.ts';
import { chat, errorBody } from '../helper/chat.ts';
import { opened } from '../helper/cleanup.ts';
import { ask as request } from '../helper/client.ts';
import { seeded } from '../helper/cuts.ts';
import { startGateway } from '../helper/gateway.ts';
import { neverOpen } from '../helper/overlay.ts';
import { json } from '../helper/replies.ts';
import { type Script, startUpstream, type Upstream } from '../helper/upstream.ts';

// Random configurations and calls: a key that a caller brought is seen by the one provider it is for, and by nobody else; and what
// the operator has goes out with none of these calls.

const rounds = runs(4);
const callsEach = 30;
allowTime();

const names = ['a', 'b', 'c', 'd'] as const;
type Name = (typeof names)[number];
/** Not all speak the dialect of the callers, nor take their keys in the same header. */
const kinds: Readonly<Record<Name, object>> = {
  a: { type: 'openai-compatible' },
  b: { type: 'openai-compatible', auth: { header: 'X-Vendor-Key', scheme: '' } },
  c: { type: 'anthropic' },
  d: { type: 'gemini' },
};
const gatewayKey = 'gw-5a6b7c8d9e0f1a2b3c4d';
const header = 'x-postern-provider-key';
const operators = (name: Name): string => `operators-CANARY-of-${name}-0123456789`;
const callers = (number: number): string => `callers-CANARY-of-call-${number}-0123456789`;

const upstreams = new Map<Name, Upstream>();
beforeAll(async () => {
  for (const name of names) upstreams.set(name, opened(await startUpstream(chat)));
});

type Random = () => number;
const oneOf = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
const some = <T>(random: Random, list: readonly T[], share = 0.5): T[] => list.filter(() => random() < share);

/** Answers, breaks, limits, refuses, and is slow enough to be hedged, by chance. */
const moody =
  (random: Random): Script =>
  async (call, wire) => {
    const mood = random();
    if (mood > 0.5) await sleep(random() * 15);
    if (wire.closed) return;
    const script =
      mood < 0.15
        ? json(500, errorBody('Oops.'))
        : mood < 0.2
          ? json(429, errorBody('Slow down.', 'requests'), { 'retry-after-ms': '1' })
          : mood < 0.25
            ? json(401, errorBody('Bad key.', 'invalid_request_error', 'invalid_api_key'))
            : mood < 0.3
              ? json(400, errorBody('Too long.', 'invalid_request_error', 'context_length_exceeded'))
              : mood < 0.35
                ? json(400, errorBody('No.', 'invalid_request_error', 'content_filter'))
                : chat;
    await script(call, wire);
  };

function modelsOf(random: Random): Record<string, object> {
  const aliases = ['m', 'n', 'o', 'pre-*', 'up*'];
  const target = (pattern: boolean) => ({
    provider: oneOf(random, names),
    model: pattern ? '*' : oneOf(random, ['x', 'y']),
    weight: 1 + Math.floor(random() * 3),
  });
  return Object.fromEntries(
    aliases.map((alias, at) => {
      const pattern = alias.endsWith('*');
      const others = aliases.slice(0, 3).filter((_, place) => place > at);
      const chains = ['fallbacks', 'context_window_fallbacks', 'content_policy_fallbacks'];
      const hedge = { enabled: true, min_samples: 10, min_delay: '1ms', percentile: 50, max_ratio: 0.5 };
      const targets = Array.from({ length: 1 + Math.floor(random() * 4) }, () => target(pattern));
      return [
        alias,
        {
          strategy: oneOf(random, ['priority', 'weighted', 'round-robin', 'least-busy', 'score', 'lowest-latency']),
          targets,
          ...(new Set(targets.map(({ provider }) => provider)).size > 1 ? { hedge } : {}),
          ...(random() < 0.4 ? { shadow: { provider: oneOf(random, names), model: 'copy' } } : {}),
          ...Object.fromEntries(
            chains.flatMap((chain) => {
              const list = some(random, others, 0.4);
              return list.length === 0 || pattern ? [] : [[chain, list]];
            }),
          ),
        },
      ];
    }),
  );
}

interface Call {
  readonly number: number;
  readonly own: boolean;
  /** The provider its header names. */
  readonly named: Name | null;
  readonly headers: Record<string, string>;
  readonly body: object;
}

function callOf(random: Random, number: number, mode: 'client' | 'hybrid'): Call {
  const own = mode === 'client' || random() < 0.6;
  const named = own && (mode === 'hybrid' || random() < 0.5) ? oneOf(random, names) : null;
  const model = oneOf(random, ['m', 'n', 'o', 'pre-x', 'upwards', 'a/x', 'b/x', 'c/x', 'd/x']);
  const gateway = {
    ...(random() < 0.3 ? { fallbacks: some(random, ['m', 'n', 'a/x', 'b/y', 'c/x']) } : {}),
    ...(random() < 0.2 ? { order: some(random, names) } : {}),
    ...(random() < 0.1 ? { ignore: some(random, names, 0.2) } : {}),
  };
  const key: Record<string, string> =
    named === null ? {} : { [header]: mode === 'client' ? named : `${named} ${callers(number)}` };
  return {
    number,
    own,
    named,
    headers: { authorization: `Bearer ${mode === 'client' ? callers(number) : gatewayKey}`, ...key },
    body: {
      model,
      stream: random() < 0.5,
      prompt_cache_key: oneOf(random, ['p', 'q']),
      messages: [{ role: 'user', content: `This is call <${number}>.` }],
      ...(Object.keys(gateway).length > 0 ? { gateway } : {}),
    },
  };
}

/** Every send so far: to whom, for which call, and the head it had. */
function sends(): { readonly to: Name; readonly number: number; readonly head: string }[] {
  return [...upstreams].flatMap(([to, { calls }]) =>
    calls.map(({ head, body }) => ({ to, head, number: Number(/<(\d+)>/.exec(body.toString())?.[1] ?? -1) })),
  );
}

test(`over random configurations a caller's key reaches its one provider, and no operator's key goes out with it (seed ${seed})`, async () => {
  const random = seeded(seed);
  let brought = 0;
  let answered = 0;
  for (let round = 0; round < rounds; round++) {
    const mode = round % 2 === 0 ? 'client' : 'hybrid';
    const accepting = new Set<Name>([oneOf(random, names), ...some(random, names)]);
    for (const upstream of upstreams.values()) {
      upstream.script = moody(random);
      upstream.calls.length = 0;
    }
    const providers = names.map((name) => [
      name,
      {
        ...kinds[name],
        base_url: upstreams.get(name)!.url,
        api_key: operators(name),
        catalogue: false,
        ...(accepting.has(name) ? { accept_client_keys: true } : {}),
      },
    ]);
    const gateway = await startGateway({
      overlay: {
        auth: { mode },
        ...(mode === 'hybrid' ? { keys: { alice: { secret: gatewayKey } } } : {}),
        providers: Object.fromEntries(providers),
        models: modelsOf(random),
        health: neverOpen,
        retries: { max_attempts: 4, backoff: '1ms', budget: { ratio: 1, min_per_second: 1_000 } },
      },
      random,
    });
    const calls = Array.from({ length: callsEach }, (_, at) => callOf(random, round * callsEach + at, mode));
    const from = { at: 0 };
    const worker = async (): Promise<void> => {
      for (let call = calls[from.at++]; call !== undefined; call = calls[from.at++]) {
        const reply = await request(gateway.url, { body: call.body, headers: call.headers });
        expect(`${reply.head}${reply.body}`).not.toContain('CANARY');
        if (reply.status === 200 && call.own) answered++;
      }
    };
    await Promise.all(Array.from({ length: 6 }, worker));
    await gateway.close();

    const seen = new Map<number, Set<Name>>();
    for (const { to, number, head } of sends()) {
      const call = calls.find((each) => each.number === number)!;
      const secrets = head.match(/\b[\w-]*CANARY[\w-]*/g);
      if (!call.own) {
        expect(secrets).toEqual([operators(to)]);
        continue;
      }
      brought++;
      expect(secrets).toEqual([callers(number)]);
      expect([...accepting]).toContain(to);
      expect(call.named ?? to).toBe(to);
      seen.set(number, (seen.get(number) ?? new Set()).add(to));
    }
    for (const reached of seen.values()) expect(reached.size).toBe(1);
  }
  // It would prove nothing if nothing were sent.
  expect(brought).toBeGreaterThan(10);
  expect(answered).toBeGreaterThan(0);
});
