import type { UpstreamAnswer } from './upstream-answers.ts';

/** One exchange by which an answer is replayed. */
export interface Way {
  readonly answer: UpstreamAnswer;
  readonly stream: boolean;
  /** A client that streams wants to see usage. */
  readonly usage: boolean;
  readonly base64: boolean;
  /** Null: the body in one piece; else what its random pieces follow from. */
  readonly seed: string | null;
}

/**
 * As it was asked for, whole and in random pieces, with usage wanted and not; and the other way round: JSON to a client that
 * wants a stream, a stream to one that wants JSON. Vectors as numbers and as base64.
 */
export function waysOf(answer: UpstreamAnswer): Way[] {
  const { name, streamed } = answer;
  if (answer.operation === 'embeddings') {
    return formsOf(answer).map((base64) => ({ answer, stream: false, usage: true, base64, seed: base64 ? name : null }));
  }
  const way = (stream: boolean, usage: boolean, seed: string | null): Way => ({ answer, stream, usage, base64: false, seed });
  return [
    way(streamed, true, null),
    way(streamed, true, `${name} 1`),
    ...(streamed ? [way(true, false, `${name} 2`)] : []),
    way(!streamed, true, `${name} 3`),
  ];
}

/** Base64 that was cut in the recording is no vector any more: it can pass, not be converted. */
function formsOf({ expected }: UpstreamAnswer): boolean[] {
  const vectors = expected.kind === 'vectors' ? expected.vectors : [];
  return vectors.some((vector) => typeof vector === 'string' && /[^A-Za-z0-9+/=]/.test(vector)) ? [true] : [false, true];
}

export function labelOf({ answer, stream, usage, base64, seed }: Way): string {
  const form = answer.operation === 'embeddings' ? (base64 ? 'base64' : 'numbers') : stream ? 'stream' : 'json';
  return `${answer.name} [${form}${usage ? '' : ' without usage'}, ${seed === null ? 'whole' : 'in pieces'}]`;
}

/** Name in the configuration of the provider that a recording is replayed through. */
export function providerOf(answer: UpstreamAnswer): string {
  if (answer.dialect === 'openai') return answer.provider === 'openai' ? 'openai' : 'compatible';
  return answer.provider;
}
