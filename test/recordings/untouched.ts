import { isDeepStrictEqual } from 'node:util';
import type { Asking } from './client.ts';
import { eventData, object, objects } from './expected.ts';
import type { UpstreamAnswer } from './upstream-answers.ts';

/**
 * Same dialect, asked for as it was recorded: what of the client's bytes is not the provider's. Comments go, the end is one
 * [DONE], and where usage was not asked for, it is not there.
 */
export function bytesDifferences(answer: UpstreamAnswer, asking: Asking, body: Buffer): string[] {
  if (!asking.stream) return body.equals(answer.body) ? [] : ['the bytes are not those of the provider'];
  const sent = eventData(answer.body.toString('utf8')).filter(({ data }) => data !== '[DONE]');
  const got = eventData(body.toString('utf8'));
  if (answer.operation === 'responses') return isDeepStrictEqual(sent, got) ? [] : ['the events are not those of the provider'];
  const found = got.at(-1)?.data === '[DONE]' ? [] : ['no [DONE] at the end'];
  const wanted = asking.usage ? sent.map(({ data }) => data) : sent.flatMap(({ data }) => withoutUsage(data));
  const chunks = got.slice(0, -1).map(({ data }) => data);
  if (wanted.length !== chunks.length) found.push(`${chunks.length} chunks instead of ${wanted.length}`);
  for (const [at, data] of wanted.entries()) {
    // A chunk that lost its usage is compared by value: the spaces around it are nobody's.
    const same = chunks[at] === data || (!asking.usage && isDeepStrictEqual(parsed(chunks[at]), parsed(data)));
    if (!same) found.push(`chunk ${at} is not that of the provider`);
  }
  return found;
}

/** The chunk without what the gateway asked for on its own account; nothing where that is all it says. */
function withoutUsage(data: string): string[] {
  const { usage, ...rest } = object(JSON.parse(data));
  if (usage === undefined) return [data];
  return usage !== null && objects(rest.choices).length === 0 ? [] : [JSON.stringify(rest)];
}

function parsed(data: string | undefined): unknown {
  return data === undefined ? undefined : JSON.parse(data);
}
