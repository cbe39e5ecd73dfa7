import { type AnswerCase, part, said, stop, tokens, usage } from './answer-words.ts';

// More than text and calls: sources, pictures, sound, probabilities.

const pcm = Buffer.from([1, 0, 2, 0, 3, 0, 4, 0]);

export const richAnswerCases: readonly AnswerCase[] = [
  {
    name: 'sources, by characters',
    documents: [
      part([{ text: 'Café ☕ opens ' }]),
      part(
        [{ text: 'at 8.' }],
        { usageMetadata: usage(4, 6, undefined, { toolUsePromptTokenCount: 100, totalTokenCount: 110 }) },
        {
          ...stop,
          groundingMetadata: {
            webSearchQueries: ['cafe'],
            groundingChunks: [{ web: { uri: 'https://a.test/', title: 'A' } }, { web: { uri: 'https://b.test/' } }],
            groundingSupports: [
              { segment: { endIndex: 9, text: 'Café ☕' }, groundingChunkIndices: [0, 1] },
              { segment: { startIndex: 99, endIndex: 120, text: 'opens at 8.' }, groundingChunkIndices: [0, 7] },
            ],
          },
        },
      ),
    ],
    choices: [
      {
        message: said('Café ☕ opens at 8.', {
          annotations: [
            { type: 'url_citation', url_citation: { start_index: 0, end_index: 6, url: 'https://a.test/', title: 'A' } },
            { type: 'url_citation', url_citation: { start_index: 0, end_index: 6, url: 'https://b.test/', title: '' } },
            { type: 'url_citation', url_citation: { start_index: 7, end_index: 18, url: 'https://a.test/', title: 'A' } },
          ],
        }),
        finish_reason: 'stop',
      },
    ],
    usage: tokens(104, 6),
  },
  {
    name: 'a picture between texts, and code that was run',
    documents: [
      part([
        { executableCode: { language: 'PYTHON', code: 'print(1)' } },
        { codeExecutionResult: { outcome: 'OUTCOME_OK', output: '1' } },
      ]),
      part(
        [{ text: 'Here: ' }, { inlineData: { mimeType: 'image/png', data: 'iVBORw==' } }],
        { usageMetadata: usage(3, 1290) },
        stop,
      ),
    ],
    choices: [
      {
        message: said('Here: ', { images: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw==' } }] }),
        finish_reason: 'stop',
      },
    ],
    usage: tokens(3, 1290),
  },
  {
    name: 'speech in pieces, tokens of sound, cached tokens',
    documents: [
      part([{ inlineData: { mimeType: 'audio/L16;codec=pcm;rate=24000', data: pcm.subarray(0, 4).toString('base64') } }]),
      part(
        [{ inlineData: { mimeType: 'audio/L16;codec=pcm;rate=24000', data: pcm.subarray(4).toString('base64') } }],
        {
          usageMetadata: usage(30, 50, undefined, {
            cachedContentTokenCount: 20,
            promptTokensDetails: [
              { modality: 'TEXT', tokenCount: 25 },
              { modality: 'AUDIO', tokenCount: 5 },
            ],
            candidatesTokensDetails: [{ modality: 4, tokenCount: 50 }],
          }),
        },
        stop,
      ),
    ],
    choices: [
      {
        message: said(null, { audio: { id: '', data: pcm.toString('base64'), expires_at: 0, transcript: '' } }),
        finish_reason: 'stop',
      },
    ],
    usage: tokens(30, 50, {
      prompt_tokens_details: { cached_tokens: 20, audio_tokens: 5 },
      completion_tokens_details: { audio_tokens: 50 },
    }),
  },
  {
    name: 'probabilities of the tokens',
    documents: [
      part(
        [{ text: 'Né' }],
        {},
        {
          logprobsResult: {
            chosenCandidates: [
              { token: 'N', tokenId: 1, logProbability: -0.5 },
              { token: 'é', tokenId: 2 },
            ],
            topCandidates: [
              {
                candidates: [
                  { token: 'N', logProbability: -0.5 },
                  { token: 'M', logProbability: -2 },
                ],
              },
            ],
          },
        },
      ),
      part(
        [{ text: 'e' }],
        { usageMetadata: usage(1, 3) },
        { ...stop, logprobsResult: { chosenCandidates: [{ token: 'e', logProbability: -1 }] } },
      ),
    ],
    choices: [
      {
        message: said('Née'),
        finish_reason: 'stop',
        logprobs: {
          content: [
            {
              token: 'N',
              logprob: -0.5,
              bytes: [78],
              top_logprobs: [
                { token: 'N', logprob: -0.5, bytes: [78] },
                { token: 'M', logprob: -2, bytes: [77] },
              ],
            },
            { token: 'é', logprob: 0, bytes: [195, 169], top_logprobs: [] },
            { token: 'e', logprob: -1, bytes: [101], top_logprobs: [] },
          ],
          refusal: null,
        },
      },
    ],
    usage: tokens(1, 3),
  },
];
