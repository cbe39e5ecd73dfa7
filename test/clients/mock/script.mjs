import { SIGNATURE } from './complete.mjs';
import { sample } from './sample.mjs';

// What the mock servers answer. The last user turn says what is wanted, so that client and server agree without another channel;
// everything else comes from what the request asks for (readers.mjs), never from the dialect it is written in.

/** On every answer; each dialect has its own names for them. */
export const usage = { prompt_tokens: 11, completion_tokens: 7 };

export const greeting = 'Hi there, 東京 👋!';

/** JSON without a schema. */
const joke = { setup: 'Why?', punchline: 'Because.' };

/** Errors as each vendor words them: `fail 429` and so on. */
const failures = {
  openai: {
    400: { type: 'invalid_request_error', code: 'context_length_exceeded', param: 'messages' },
    401: { type: 'invalid_request_error', code: 'invalid_api_key' },
    404: { type: 'invalid_request_error', code: 'model_not_found' },
    429: { type: 'requests', code: 'rate_limit_exceeded' },
    503: { type: 'service_unavailable_error', code: 'server_is_overloaded' },
  },
  gemini: {
    400: { type: 'INVALID_ARGUMENT' },
    401: { type: 'UNAUTHENTICATED' },
    404: { type: 'NOT_FOUND' },
    429: { type: 'RESOURCE_EXHAUSTED' },
    503: { type: 'UNAVAILABLE' },
  },
  anthropic: {
    400: { type: 'invalid_request_error' },
    401: { type: 'authentication_error' },
    404: { type: 'not_found_error' },
    429: { type: 'rate_limit_error' },
    503: { type: 'overloaded_error', status: 529 },
  },
};

function toolCalls(asked) {
  if (asked.tools.length === 0 || asked.choice === 'none' || asked.results.length > 0) return null;
  const forced = asked.choice !== 'auto';
  const words = asked.user.toLowerCase();
  const named = asked.tools.find((tool) => tool.name === asked.choice);
  const mentioned = asked.tools.find((tool) => words.includes(tool.name.toLowerCase()));
  if (!forced && mentioned === undefined && !/weather|tool/.test(words)) return null;
  const tool = named ?? mentioned ?? asked.tools[0];
  const places = /weather in (\w+)(?: and (\w+))?/i.exec(asked.user)?.slice(1).filter(Boolean) ?? [undefined];
  const integer = /\d+/.exec(asked.user)?.[0];
  return (asked.parallel ? places : places.slice(0, 1)).map((place) => {
    const text = place ?? /'([^']+)'/.exec(asked.user)?.[1];
    const value = sample(tool.schema ?? { type: 'object' }, {
      text,
      integer: integer === undefined ? undefined : Number(integer),
    });
    // A tool that takes the whole answer, where the dialect has no other way to ask for JSON.
    const open = Object.keys(value).length === 0 && asked.user.includes('JSON');
    return { name: tool.name, arguments: JSON.stringify(open ? joke : value) };
  });
}

let calls = 0;

/** Calls made here with reasoning come back with their signature; a signature made elsewhere never comes here. */
function signatureProblem({ thinking, results, signature }, dialect) {
  const here = results.every(({ id }) => id.startsWith(`${dialect}-`));
  if (!here && signature === SIGNATURE) return 'A signature of another provider.';
  return here && thinking && dialect !== 'openai' && signature !== SIGNATURE ? 'A call came back without its signature.' : null;
}

/**
 * The answer to one request, as a fixture of aimock. `happens` resolves to whether a request of that name came (`here NAME`) or
 * was given up (`gone NAME`).
 */
export async function answer(asked, dialect, happens) {
  const [verb, rest = ''] = asked.user.split(/ (.*)/s);
  if (verb === 'fail') {
    const { status = Number(rest), ...error } = failures[dialect][rest];
    return { status, error: { message: `Answer ${rest}, as asked for.`, ...error }, retryAfter: 7 };
  }
  if (verb === 'wait') await happens(`gone ${rest}`);
  if (verb === 'slow') return { content: 'tick '.repeat(200), usage };
  if (verb === 'cut') return { content: 'This is not the whole sentence, it will never be finished.', usage };
  if (verb === 'what?') return { content: (await happens(rest)) ? rest : 'not yet', usage };
  if (asked.results.length > 0) {
    const problem = signatureProblem(asked, dialect);
    if (problem !== null) return { status: 400, error: { ...failures[dialect][400], message: problem } };
    return { content: asked.results.map(({ name, text }) => `${name}: ${text}`).join('; '), usage };
  }
  const called = toolCalls(asked)?.map((call) => (asked.thinking ? { ...call, id: `${dialect}-${++calls}` } : call)) ?? null;
  const thought = asked.thinking ? { reasoning: 'Two words, then 東京.', reasoningSignature: SIGNATURE } : {};
  if (called !== null) return { toolCalls: called, ...thought, usage };
  if (asked.json !== null) {
    const value = asked.json === 'object' ? joke : sample(asked.json);
    return { content: JSON.stringify(value), usage };
  }
  if (verb === 'describe') return { content: asked.media.join(', '), usage };
  if (verb === 'settings') {
    const { settings, system, choice, parallel } = asked;
    return { content: JSON.stringify({ ...settings, system, choice, parallel }), usage };
  }
  if (verb === 'long') return { content: 'As much as', finishReason: 'length', usage };
  if (verb === 'filtered') {
    return { content: '', finishReason: dialect === 'anthropic' ? 'refusal' : 'content_filter', usage };
  }
  return { content: greeting, ...thought, usage };
}
