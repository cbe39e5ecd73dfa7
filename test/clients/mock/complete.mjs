// What aimock leaves out and the vendors have: several answers to one request, log probabilities, details of usage, thought
// signatures, the wait inside an error.

/** On Gemini's first call of a turn, and on Anthropic's reasoning ahead of one (script.mjs); both want it back. */
export const SIGNATURE = Buffer.from('a signature of the mock server').toString('base64');

/** The details of `count`, beside `usage` of script.mjs. */
const details = {
  openai: { usage: { prompt_tokens_details: { cached_tokens: 5 }, completion_tokens_details: { reasoning_tokens: 3 } } },
  gemini: { usageMetadata: { cachedContentTokenCount: 5, thoughtsTokenCount: 3, totalTokenCount: 21 } },
  anthropic: { usage: { cache_read_input_tokens: 5, cache_creation_input_tokens: 2 } },
};

/** Whether an answer with this status has to be read whole and completed. */
export function isIncomplete(dialect, asked, status) {
  if (status !== 200) return dialect === 'gemini' && status === 429;
  return asked.choices > 1 || asked.logprobs !== undefined || asked.user === 'count' || (dialect === 'gemini' && asked.thinking);
}

/** The bytes of an answer with every document in it completed; the form (JSON or events) stays. */
export function completeBytes(dialect, asked, bytes) {
  const text = bytes.toString('utf8');
  if (text.startsWith('{')) return JSON.stringify(complete(dialect, asked, JSON.parse(text)));
  return text.replace(/^data: (\{.*\})$/gm, (_, json) => `data: ${JSON.stringify(complete(dialect, asked, JSON.parse(json)))}`);
}

/** `document`: a whole answer, one event of a stream, or an error. */
function complete(dialect, asked, document) {
  if (document.error !== undefined) return withRetryInfo(document);
  if (document.message !== undefined) return { ...document, message: complete(dialect, asked, document.message) };
  const counted = { ...document };
  for (const [key, more] of Object.entries(details[dialect])) {
    if (asked.user === 'count' && document[key]) counted[key] = { ...document[key], ...more };
  }
  const key = dialect === 'gemini' ? 'candidates' : 'choices';
  if (!Array.isArray(document[key]) || document[key].length === 0) return counted;
  const choice = { ...document[key][0] };
  if (asked.logprobs !== undefined) Object.assign(choice, probabilities(dialect, asked.logprobs, choice));
  if (dialect === 'gemini') sign(choice.content.parts);
  return { ...counted, [key]: Array.from({ length: asked.choices }, (_, index) => ({ ...choice, index })) };
}

/** Only the first call of a turn is signed. */
function sign(parts) {
  const first = parts.find((part) => part.functionCall !== undefined);
  if (first !== undefined) first.thoughtSignature = SIGNATURE;
}

/** Gemini has no header for it. */
function withRetryInfo({ error }) {
  const info = { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '6.5s' };
  return { error: { ...error, details: [info] } };
}

function probabilities(dialect, top, choice) {
  if (dialect === 'gemini') {
    const token = choice.content.parts[0]?.text;
    if (token === undefined) return {};
    const chosen = { token, tokenId: 1, logProbability: -0.25 };
    const alternatives = Array.from({ length: top }, () => chosen);
    return { logprobsResult: { chosenCandidates: [chosen], topCandidates: [{ candidates: alternatives }] } };
  }
  const token = choice.message?.content ?? choice.delta?.content;
  if (typeof token !== 'string') return {};
  const chosen = { token, logprob: -0.25, bytes: [...Buffer.from(token)] };
  return {
    logprobs: { content: [{ ...chosen, top_logprobs: Array.from({ length: top }, () => chosen) }], refusal: null },
  };
}
