import { setTimeout as sleep } from 'node:timers/promises';
import { chatBody, chatEvents, chunk, errorBody } from '../helper/chat.ts';
import { answer, framed, headOf, json, paced, silence, sse } from '../helper/replies.ts';
import { type Script, startUpstream, type Upstream } from '../helper/upstream.ts';

export const words = Array.from({ length: 20 }, (_, at) => `word${at} `);
/** Bytes of content in one answer for a slow reader. */
export const slowBytes = 8 * 1024 * 1024;
const piece = 65_536;
const filler = framed(Buffer.from(`${chunk({ content: 'y'.repeat(piece) })}\n\n`), 'chunked');
const thinkMs = 20;
const gapMs = 10;

const later =
  (script: Script): Script =>
  async (call, wire) => {
    await sleep(thinkMs);
    await script(call, wire);
  };

const flood: Script = async (_call, wire) => {
  await wire.send(headOf(200, 'chunked', 0, { 'content-type': 'text/event-stream' }));
  for (let sent = 0; sent < slowBytes && !wire.closed; sent += piece) await wire.send(filler);
  const end = Buffer.from(`${chunk({}, 'stop')}\n\ndata: [DONE]\n\n`);
  await wire.send(Buffer.concat([framed(end, 'chunked'), Buffer.from('0\r\n\r\n')]));
};

const event = chunk({ content: 'half ' });
const good = json(200, chatBody());

/** What each upstream model does. */
export const scripts: Readonly<Record<string, Script>> = {
  json: later(good),
  large: later(good),
  stream: later(paced(chatEvents({ text: words }), gapMs)),
  waiting: silence,
  leaving: later(paced(chatEvents({ text: words }), gapMs)),
  hasty: later(good),
  slow: flood,
  broken: json(500, errorBody('broken')),
  second: later(good),
  'fail-500': json(500, errorBody('failing')),
  'fail-reset': (_call, wire) => wire.rst(),
  'fail-html': answer('<html><body>Bad gateway</body></html>', { status: 502, headers: { 'content-type': 'text/html' } }),
  'fail-cut': sse([event, event], { cut: event.length + 20, end: 'rst' }),
};

/** The upstream of a run, with its own count of what arrived. */
export interface CountingUpstream {
  readonly server: Upstream;
  /** Requests by upstream model. */
  readonly counts: Readonly<Record<string, number>>;
  /** Resolves when the request with this `user` has arrived. */
  arrival(user: string): Promise<void>;
}

export async function startCountingUpstream(): Promise<CountingUpstream> {
  const counts: Record<string, number> = {};
  const awaited = new Map<string, () => void>();
  const server = await startUpstream(
    (call, wire) => {
      const { model, user } = call.json as { model: string; user?: string };
      counts[model] = (counts[model] ?? 0) + 1;
      awaited.get(user ?? '')?.();
      awaited.delete(user ?? '');
      return scripts[model]!(call, wire);
    },
    { forget: true },
  );
  return {
    server,
    counts,
    arrival: (user) => new Promise((resolve) => awaited.set(user, resolve)),
  };
}
