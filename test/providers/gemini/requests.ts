import type { Target } from '../../../providers/provider.ts';
import { targetOf } from './support.ts';

/** A client's request and the exact upstream request it becomes. */
export interface RequestCase {
  readonly name: string;
  readonly body: object;
  readonly target?: Target;
  readonly path?: string;
  readonly sent: object;
  readonly ignored?: readonly string[];
}

const weather = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'Weather of a town',
    parameters: { type: 'object', properties: { town: { type: 'string' } }, required: ['town'], additionalProperties: false },
  },
};
const declared = {
  functionDeclarations: [
    {
      name: 'get_weather',
      description: 'Weather of a town',
      parametersJsonSchema: weather.function.parameters,
    },
  ],
};
const hello = { role: 'user', content: 'Hello' };
const helloContent = { role: 'user', parts: [{ text: 'Hello' }] };
const call = (id: string, name: string, args: object) => ({
  id,
  type: 'function',
  function: { name, arguments: JSON.stringify(args) },
});

/** Every way a request is written; small ones each, no value beside the point. */
export const requestCases: readonly RequestCase[] = [
  { name: 'a question', body: { messages: [hello] }, sent: { contents: [helloContent] } },
  {
    name: 'explicit nulls everywhere',
    body: {
      messages: [{ ...hello, name: null }],
      tools: null,
      tool_choice: null,
      response_format: null,
      temperature: null,
      stop: null,
      google: null,
      extra_body: null,
      n: null,
      audio: null,
      reasoning_effort: null,
    },
    sent: { contents: [helloContent] },
  },
  {
    name: 'system and developer messages in order, wherever they stand',
    body: {
      messages: [
        { role: 'system', content: 'One' },
        hello,
        {
          role: 'developer',
          content: [
            { type: 'text', text: 'Two' },
            { type: 'text', text: 'Three' },
          ],
        },
      ],
    },
    sent: { contents: [helloContent], systemInstruction: { parts: [{ text: 'One' }, { text: 'Two' }, { text: 'Three' }] } },
  },
  {
    name: 'only system messages: the last word is the user’s',
    body: {
      messages: [
        { role: 'system', content: 'One' },
        { role: 'system', content: 'Two' },
      ],
    },
    sent: { contents: [{ role: 'user', parts: [{ text: 'One' }, { text: 'Two' }] }] },
  },
  {
    name: 'turns of one role in a row are one',
    body: {
      messages: [
        hello,
        { role: 'user', content: [{ type: 'text', text: 'again' }] },
        { role: 'assistant', content: 'Hi' },
        { role: 'assistant', content: 'there' },
        { role: 'user', content: 'Bye' },
      ],
    },
    sent: {
      contents: [
        { role: 'user', parts: [{ text: 'Hello' }, { text: 'again' }] },
        { role: 'model', parts: [{ text: 'Hi' }, { text: 'there' }] },
        { role: 'user', parts: [{ text: 'Bye' }] },
      ],
    },
  },
  {
    name: 'a history that begins with the assistant, and empty messages',
    body: { messages: [{ role: 'assistant', content: 'Welcome' }, { role: 'user', content: '' }, hello] },
    sent: { contents: [{ role: 'user', parts: [{ text: ' ' }] }, { role: 'model', parts: [{ text: 'Welcome' }] }, helloContent] },
  },
  {
    name: 'a stream',
    body: { messages: [hello], stream: true },
    path: '/v1beta/models/gemini-3-flash-preview:streamGenerateContent?alt=sse',
    sent: { contents: [helloContent] },
  },
  {
    name: 'parallel results out of order become one content in the order of the calls',
    body: {
      messages: [
        hello,
        { role: 'assistant', content: null, tool_calls: [call('call_a', 'f', { x: 1 }), call('call_b', 'g', {})] },
        { role: 'tool', tool_call_id: 'call_b', content: 'second' },
        { role: 'tool', tool_call_id: 'call_a', content: '{"degrees": 21}' },
      ],
      tools: [weather],
    },
    sent: {
      contents: [
        helloContent,
        {
          role: 'model',
          parts: [
            {
              functionCall: { id: 'call_a', name: 'f', args: { x: 1 } },
              thoughtSignature: 'skip_thought_signature_validator',
            },
            { functionCall: { id: 'call_b', name: 'g', args: {} } },
          ],
        },
        {
          role: 'user',
          parts: [
            { functionResponse: { id: 'call_a', name: 'f', response: { degrees: 21 } } },
            { functionResponse: { id: 'call_b', name: 'g', response: { output: 'second' } } },
          ],
        },
      ],
      tools: [declared],
    },
  },
  {
    name: 'sampling, limits and the rest of the numbers',
    target: targetOf('gemini-2.0-flash'),
    path: '/v1beta/models/gemini-2.0-flash:generateContent',
    body: {
      messages: [hello],
      temperature: 0.2,
      top_p: 0.9,
      top_k: 40,
      seed: 7,
      stop: ['END', 'STOP'],
      frequency_penalty: 0.5,
      presence_penalty: -0.5,
      max_tokens: 10,
      max_completion_tokens: 99,
      n: 2,
      logprobs: true,
      top_logprobs: 3,
    },
    sent: {
      contents: [helloContent],
      generationConfig: {
        maxOutputTokens: 99,
        temperature: 0.2,
        topP: 0.9,
        topK: 40,
        frequencyPenalty: 0.5,
        presencePenalty: -0.5,
        seed: 7,
        stopSequences: ['END', 'STOP'],
        responseLogprobs: true,
        logprobs: 3,
        candidateCount: 2,
      },
    },
  },
  {
    name: 'values that ask for nothing',
    body: {
      messages: [hello],
      n: 1,
      frequency_penalty: 0,
      presence_penalty: 0,
      logprobs: false,
      tool_choice: 'auto',
      parallel_tool_calls: true,
      modalities: ['text'],
      response_format: { type: 'text' },
      service_tier: 'auto',
      store: false,
      logit_bias: {},
    },
    sent: { contents: [helloContent] },
  },
  {
    name: 'harmless parameters are left out and named',
    body: {
      messages: [hello],
      user: 'u1',
      safety_identifier: 's1',
      metadata: { a: 'b' },
      store: true,
      verbosity: 'low',
      prediction: { type: 'content', content: 'Hello' },
      prompt_cache_key: 'k',
      unheard_of: 1,
    },
    sent: { contents: [helloContent] },
    ignored: ['user', 'safety_identifier', 'metadata', 'store', 'verbosity', 'prediction', 'prompt_cache_key', 'unheard_of'],
  },
  {
    name: 'an answer by a schema',
    body: {
      messages: [hello],
      response_format: {
        type: 'json_schema',
        json_schema: {
          name: 'town',
          description: 'A town',
          strict: true,
          schema: { type: 'object', properties: { n: { const: 'x' } } },
        },
      },
    },
    sent: {
      contents: [helloContent],
      generationConfig: {
        responseMimeType: 'application/json',
        responseJsonSchema: {
          type: 'object',
          description: 'A town',
          properties: { n: { type: 'string', enum: ['x'] } },
        },
      },
    },
  },
  {
    name: 'an answer that is some JSON',
    body: { messages: [hello], response_format: { type: 'json_object' } },
    sent: { contents: [helloContent], generationConfig: { responseMimeType: 'application/json' } },
  },
  {
    name: 'options of the provider in either spelling, in either place',
    body: {
      messages: [hello],
      google: {
        safety_settings: [{ category: 'HARM_CATEGORY_HARASSMENT', threshold: 'OFF' }],
        mediaResolution: 'MEDIA_RESOLUTION_LOW',
      },
      extra_body: {
        google: { thinking_config: { thinking_level: 'low', include_thoughts: true }, labels: { team: 'a' } },
        other: 1,
      },
    },
    sent: {
      contents: [helloContent],
      generationConfig: {
        thinkingConfig: { thinkingLevel: 'LOW', includeThoughts: true },
        mediaResolution: 'MEDIA_RESOLUTION_LOW',
      },
      labels: { team: 'a' },
      safetySettings: [{ category: 'HARM_CATEGORY_HARASSMENT', threshold: 'OFF' }],
    },
    ignored: ['extra_body.other'],
  },
  {
    name: 'a cached content of the caller’s own',
    body: { messages: [hello], google: { cached_content: 'cachedContents/abc' } },
    sent: { contents: [helloContent], cachedContent: 'cachedContents/abc' },
  },
  {
    name: 'a search, beside functions',
    body: { messages: [hello], tools: [weather], web_search_options: { search_context_size: 'high' } },
    sent: {
      contents: [helloContent],
      tools: [{ googleSearch: {} }, declared],
      toolConfig: { includeServerSideToolInvocations: true },
    },
    ignored: ['web_search_options.search_context_size'],
  },
  {
    name: 'a priority',
    body: { messages: [hello], service_tier: 'priority' },
    sent: { contents: [helloContent], serviceTier: 'priority' },
  },
];
