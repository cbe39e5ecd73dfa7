// What goes over the wire in every measurement: one request, one answer and one stream, all of them chat completions.

const id = 'chatcmpl-9f27c1d4e8b35a60';
const created = 1_793_750_400;

/** Model name sent by the load; every subject sends it on as it is. */
export const model = 'bench-model';

/** Events of one stream that carry JSON; `[DONE]` comes after them. */
export const streamEvents = 50;

const sentences = [
  'A postern is a small gate in the wall of a fortress, placed where few would look for it.',
  'It let the people inside come and go without opening the main gate.',
  'In a siege it served for messages, for supplies and for sudden sorties.',
];

function filler(bytes: number): string {
  const text = sentences.join(' ');
  return text.repeat(Math.ceil(bytes / text.length)).slice(0, bytes);
}

/** A chat request of about 1 kB, as an SDK writes it. */
export function requestBody(stream: boolean): Buffer {
  return Buffer.from(
    JSON.stringify({
      model,
      messages: [
        { role: 'system', content: `Answer in one paragraph. ${filler(300)}` },
        { role: 'user', content: filler(480) },
      ],
      temperature: 0.2,
      max_tokens: 256,
      ...(stream ? { stream: true } : {}),
      metadata: { suite: 'bench' },
      user: 'bench-user-0001',
    }),
  );
}

const usage = {
  prompt_tokens: 190,
  completion_tokens: 148,
  total_tokens: 338,
  prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 },
};

/** A chat answer of about 1 kB. */
export function jsonAnswer(): Buffer {
  return Buffer.from(
    JSON.stringify({
      id,
      object: 'chat.completion',
      created,
      model,
      choices: [
        { index: 0, message: { role: 'assistant', content: filler(560), refusal: null }, logprobs: null, finish_reason: 'stop' },
      ],
      usage,
      service_tier: 'default',
      system_fingerprint: 'fp_1c5d0a77b2',
    }),
  );
}

function event(choices: readonly object[], rest: object = {}): Buffer {
  const chunk = {
    id,
    object: 'chat.completion.chunk',
    created,
    model,
    service_tier: 'default',
    system_fingerprint: 'fp_1c5d0a77b2',
    choices,
    ...rest,
  };
  return Buffer.from(`data: ${JSON.stringify(chunk)}\n\n`);
}

/** The events of one stream in order: role, text, finish_reason, usage (`streamEvents` of them). */
export function streamAnswer(): readonly Buffer[] {
  const words = filler(4_000).split(' ');
  const delta = (value: object, finish: string | null = null) =>
    event([{ index: 0, delta: value, logprobs: null, finish_reason: finish }]);
  const text = Array.from({ length: streamEvents - 3 }, (_, at) => delta({ content: `${words[at]} ` }));
  return [delta({ role: 'assistant', content: '', refusal: null }), ...text, delta({}, 'stop'), event([], { usage })];
}

/** Last bytes of every stream. */
export const streamEnd = Buffer.from('data: [DONE]\n\n');
