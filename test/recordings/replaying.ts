import { opened } from '../helper/cleanup.ts';
import { startGateway, type TestGateway } from '../helper/gateway.ts';
import { readLedger } from '../helper/ledger.ts';
import { neverOpen } from '../helper/overlay.ts';
import { ask } from './client.ts';
import { ledgerDifferences } from './ledger-check.ts';
import { type Player, providersAt, startPlayer } from './player.ts';
import { checkReply } from './reply-check.ts';
import type { UpstreamAnswer } from './upstream-answers.ts';
import { labelOf, providerOf, type Way, waysOf } from './ways.ts';

/** Exchanges under way at the same time. */
const together = 12;

const priceProviders: Readonly<Record<string, string | null>> = {
  openai: 'openai',
  gemini: 'google',
  'vertex-gemini': 'google',
  anthropic: 'anthropic',
  compatible: null,
};

export interface Replaying {
  readonly gateway: TestGateway;
  readonly player: Player;
}

/** One gateway with a provider of every kind, behind which one server sends recorded bytes. */
export async function startReplaying(): Promise<Replaying> {
  const player = await startPlayer();
  opened(player.upstream);
  const overlay = {
    providers: providersAt(player.upstream),
    retries: { max_attempts: 1 },
    health: { ...neverOpen, max_rest: '0s' },
    server: { keep_alive_comments: '0s' },
  };
  return { gateway: await startGateway({ overlay }), player };
}

/** Name by which a client asks for the model of an answer at its provider. */
export function modelOf(answer: UpstreamAnswer): string {
  return `${providerOf(answer)}/${answer.model}`;
}

/** Replays answers in every way; resolves with what was wrong, one line each, and how many exchanges that took. */
export async function replay({ gateway, player }: Replaying, answers: readonly UpstreamAnswer[]) {
  const ways = answers.flatMap(waysOf);
  const exchanges: { readonly way: Way; readonly exchange: string | null }[] = [];
  const findings = await eachOf(ways, labelOf, async (way) => {
    const { stream, usage, base64, answer } = way;
    const asking = { mark: player.expect(way), stream, usage, base64 };
    const reply = await ask(gateway.url, modelOf(answer), answer, asking);
    exchanges.push({ way, exchange: reply.headers.get('x-postern-exchange-id') });
    return checkReply(answer, asking, reply);
  });
  const rows = Map.groupBy(readLedger(gateway.dataDir), ({ exchange }) => exchange);
  for (const { way, exchange } of exchanges) {
    const priced = priceProviders[providerOf(way.answer)] ?? null;
    const wrong = ledgerDifferences(way.answer.expected, rows.get(exchange ?? '') ?? [], priced);
    findings.push(...wrong.map((finding) => `${labelOf(way)}: ${finding}`));
  }
  return { findings: findings.sort(), exchanges: ways.length };
}

/** Checks things some at a time; what one of them throws is a finding too. */
export async function eachOf<T>(
  things: readonly T[],
  label: (thing: T) => string,
  check: (thing: T) => Promise<readonly string[]>,
): Promise<string[]> {
  const findings: string[] = [];
  let next = 0;
  const worker = async () => {
    while (next < things.length) {
      const thing = things[next++]!;
      const found = await check(thing).catch((error: unknown) => [String(error).slice(0, 300)]);
      findings.push(...found.map((finding) => `${label(thing)}: ${finding}`));
    }
  };
  await Promise.all(Array.from({ length: together }, worker));
  return findings;
}
