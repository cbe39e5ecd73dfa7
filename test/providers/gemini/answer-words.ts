// What answers of the API and of a chat completion are made of in the cases of this folder.

export const MODEL = 'gemini-3-flash-preview';
export const usage = (prompt: number, candidates?: number, thoughts?: number, more: object = {}) => ({
  promptTokenCount: prompt,
  ...(candidates === undefined ? {} : { candidatesTokenCount: candidates }),
  ...(thoughts === undefined ? {} : { thoughtsTokenCount: thoughts }),
  totalTokenCount: prompt + (candidates ?? 0) + (thoughts ?? 0),
  ...more,
});
export const part = (parts: readonly object[], more: object = {}, candidate: object = {}) => ({
  candidates: [{ content: { role: 'model', parts }, index: 0, ...candidate }],
  modelVersion: MODEL,
  responseId: 'resp-1',
  ...more,
});
export const stop = { finishReason: 'STOP' };

/** One choice of a chat completion, without what is the same in all of them. */
export interface Expected {
  readonly message: object;
  readonly finish_reason: string;
  readonly logprobs?: unknown;
}

export interface AnswerCase {
  readonly name: string;
  readonly documents: readonly object[];
  readonly choices: readonly Expected[];
  readonly usage: object | null;
}

export const tokens = (prompt: number, completion: number, more: object = {}) => ({
  prompt_tokens: prompt,
  completion_tokens: completion,
  total_tokens: prompt + completion,
  ...more,
});
export const reasoned = (count: number) => ({ completion_tokens_details: { reasoning_tokens: count } });
export const signed = (signature: string) => ({ extra_content: { google: { thought_signature: signature } } });
export const said = (content: string | null, more: object = {}) => ({ role: 'assistant', content, refusal: null, ...more });
export const called = (id: string, name: string, args: string, more: object = {}) => ({
  id,
  type: 'function',
  function: { name, arguments: args },
  ...more,
});
