import { type AnswerCase, called, MODEL, part, reasoned, said, signed, stop, tokens, usage } from './answer-words.ts';

// Answers of the API as streams of documents; the whole answer is their array. Words are made up.

export const answerCases: readonly AnswerCase[] = [
  {
    name: 'text in pieces, cut inside words of every alphabet',
    documents: [
      part([{ text: 'Grüße, ' }], { usageMetadata: usage(9, 2) }),
      part([{ text: '世界 👩‍🚀' }], { usageMetadata: usage(9, 6) }),
      part([{ text: '' }], { usageMetadata: usage(9, 7) }, stop),
    ],
    choices: [{ message: said('Grüße, 世界 👩‍🚀'), finish_reason: 'stop' }],
    usage: tokens(9, 7),
  },
  {
    name: 'thoughts, text, and the signature of the text on an empty part at the end',
    documents: [
      part([{ text: 'Let me see.', thought: true }], { usageMetadata: usage(5, undefined, 30) }),
      part([{ text: 'It is ' }, { text: 'four.' }], { usageMetadata: usage(5, 4, 30) }),
      part([{ text: '', thoughtSignature: 'dGV4dA==' }], { usageMetadata: usage(5, 4, 31) }, stop),
    ],
    choices: [
      { message: said('It is four.', { reasoning_content: 'Let me see.', ...signed('dGV4dA==') }), finish_reason: 'stop' },
    ],
    usage: tokens(5, 35, reasoned(31)),
  },
  {
    name: 'parallel calls, text between them, a signature on the first alone, STOP',
    documents: [
      part([
        { text: 'Looking.' },
        { functionCall: { name: 'get', args: { town: 'Köln' }, id: 'up1' }, thoughtSignature: 'c2lnbg==' },
      ]),
      part([{ text: ' And again.' }, { functionCall: { name: 'get', args: { town: 'Ulm' } } }]),
      part(
        [{ functionCall: { name: 'now' } }, { text: '' }],
        { usageMetadata: usage(20, 11, 4) },
        { ...stop, finishMessage: 'Model generated function call(s).' },
      ),
    ],
    choices: [
      {
        message: said('Looking. And again.', {
          tool_calls: [
            called('up1', 'get', '{"town":"Köln"}', signed('c2lnbg==')),
            called('call_1', 'get', '{"town":"Ulm"}'),
            called('call_2', 'now', '{}'),
          ],
        }),
        finish_reason: 'tool_calls',
      },
    ],
    usage: tokens(20, 15, reasoned(4)),
  },
  {
    name: 'a call whose arguments come in pieces',
    documents: [
      part([{ functionCall: { name: 'order', willContinue: true }, thoughtSignature: 'YXJncw==' }], {
        usageMetadata: { trafficType: 'ON_DEMAND' },
      }),
      part([
        {
          functionCall: {
            partialArgs: [{ jsonPath: '$.items[0].name', stringValue: 'Ap', willContinue: true }],
            willContinue: true,
          },
        },
      ]),
      part([{ functionCall: { partialArgs: [{ jsonPath: '$.items[0].name', stringValue: 'ple' }], willContinue: true } }]),
      part([{ functionCall: { willContinue: true } }]),
      part([
        {
          functionCall: {
            partialArgs: [
              { jsonPath: '$.items[1].price', numberValue: 0.5 },
              { jsonPath: '$.gift', boolValue: true },
            ],
          },
        },
      ]),
      part([{ text: '' }], { usageMetadata: usage(8, 12) }, stop),
    ],
    choices: [
      {
        message: said(null, {
          tool_calls: [called('call_1', 'order', '{"items":[{"name":"Apple"},{"price":0.5}],"gift":true}', signed('YXJncw=='))],
        }),
        finish_reason: 'tool_calls',
      },
    ],
    usage: tokens(8, 12),
  },
  {
    name: 'two candidates, interleaved, ending apart',
    documents: [
      {
        ...part([{ text: 'A1' }]),
        candidates: [
          { content: { parts: [{ text: 'A1' }] }, index: 0 },
          { content: { parts: [{ text: 'B1' }] }, index: 1 },
        ],
      },
      { ...part([]), candidates: [{ content: { parts: [{ text: 'B2' }] }, index: 1, finishReason: 'MAX_TOKENS' }] },
      {
        ...part([]),
        candidates: [{ content: { parts: [{ text: 'A2' }] }, index: 0, finishReason: 'STOP' }],
        usageMetadata: usage(3, 8),
      },
    ],
    choices: [
      { message: said('A1A2'), finish_reason: 'stop' },
      { message: said('B1B2'), finish_reason: 'length' },
    ],
    usage: tokens(3, 8),
  },
  {
    name: 'a limit spent on thinking alone',
    documents: [part([], { usageMetadata: usage(4, undefined, 16) }, { content: { role: 'model' }, finishReason: 'MAX_TOKENS' })],
    choices: [{ message: said(''), finish_reason: 'length' }],
    usage: tokens(4, 16, reasoned(16)),
  },
  {
    name: 'a prompt that was blocked',
    documents: [
      {
        promptFeedback: { blockReason: 'PROHIBITED_CONTENT', blockReasonMessage: 'Not this.' },
        usageMetadata: usage(6),
        modelVersion: MODEL,
      },
    ],
    choices: [
      {
        message: { role: 'assistant', content: null, refusal: 'The provider blocked the prompt: PROHIBITED_CONTENT. Not this.' },
        finish_reason: 'content_filter',
      },
    ],
    usage: tokens(6, 0),
  },
  {
    name: 'an answer that was stopped in the middle',
    documents: [
      part([{ text: 'Once upon' }]),
      part([], { usageMetadata: usage(2, 2) }, { content: {}, finishReason: 'RECITATION' }),
    ],
    choices: [{ message: said('Once upon'), finish_reason: 'content_filter' }],
    usage: tokens(2, 2),
  },
  {
    name: 'Vertex AI with numbers for enums, and members in snake case',
    documents: [
      {
        candidates: [{ content: { role: 'model', parts: [{ text: 'Yes', thought_signature: 'c25ha2U=' }] }, finish_reason: 1 }],
        usage_metadata: { prompt_token_count: 5, candidates_token_count: 1, total_token_count: 6 },
        model_version: MODEL,
        response_id: 'resp-2',
        create_time: '2026-05-01T10:00:00.5Z',
      },
    ],
    choices: [{ message: said('Yes', signed('c25ha2U=')), finish_reason: 'stop' }],
    usage: tokens(5, 1),
  },
  {
    name: 'usage that only has a total, and none at all before',
    documents: [
      part([{ text: 'Hm' }], { usageMetadata: { trafficType: 'ON_DEMAND' } }),
      part([], { usageMetadata: { totalTokenCount: 12, promptTokenCount: 9 } }, stop),
    ],
    choices: [{ message: said('Hm'), finish_reason: 'stop' }],
    usage: tokens(9, 3),
  },
];
