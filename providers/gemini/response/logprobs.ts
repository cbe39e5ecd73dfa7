import { isObject } from '../../wire/json.ts';

/** Alternatives of one token that are taken: OpenAI gives 20. */
const MAX_TOP = 20;

interface TokenLogprob {
  readonly token: string;
  readonly logprob: number;
  readonly bytes: readonly number[];
}

/**
 * `logprobsResult` of a candidate in the form of OpenAI's `choices[].logprobs`: the chosen tokens with their alternatives. Null
 * when there are none.
 */
export function readLogprobs(result: unknown): { readonly content: readonly unknown[]; readonly refusal: null } | null {
  if (!isObject(result)) return null;
  const chosen = result.chosenCandidates ?? result.chosen_candidates;
  const top = result.topCandidates ?? result.top_candidates;
  if (!Array.isArray(chosen) || chosen.length === 0) return null;
  const content = chosen.map((each, at) => ({ ...readToken(each), top_logprobs: readTop(Array.isArray(top) ? top[at] : null) }));
  return { content, refusal: null };
}

function readTop(entry: unknown): readonly TokenLogprob[] {
  const candidates = isObject(entry) ? entry.candidates : null;
  return Array.isArray(candidates) ? candidates.slice(0, MAX_TOP).map(readToken) : [];
}

function readToken(candidate: unknown): TokenLogprob {
  const { token, logProbability, log_probability: snake } = isObject(candidate) ? candidate : ({} as Record<string, unknown>);
  const text = typeof token === 'string' ? token : '';
  const logprob = logProbability ?? snake;
  // A probability of 0 is left out in the JSON form of the protocol: it is the default value there, and stands for certainty.
  return { token: text, logprob: typeof logprob === 'number' ? logprob : 0, bytes: [...Buffer.from(text)] };
}
