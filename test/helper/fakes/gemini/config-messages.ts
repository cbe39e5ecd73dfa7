import { bool, double, int32, many, one, oneOf, resolutions, string, strings, struct, value, vertex } from './message-fields.ts';
import type { Message } from './proto.ts';
import { schema } from './tool-messages.ts';

const voiceConfig: Message = {
  name: 'VoiceConfig',
  fields: {
    prebuiltVoiceConfig: one(() => ({ name: 'PrebuiltVoiceConfig', fields: { voiceName: string } })),
    replicatedVoiceConfig: struct,
    voice: string,
  },
};

const speechConfig: Message = {
  name: 'SpeechConfig',
  fields: {
    voiceConfig: one(() => voiceConfig),
    multiSpeakerVoiceConfig: one(() => ({
      name: 'MultiSpeakerVoiceConfig',
      fields: {
        speakerVoiceConfigs: many(() => ({
          name: 'SpeakerVoiceConfig',
          fields: { speaker: string, voiceConfig: one(() => voiceConfig) },
        })),
      },
    })),
    languageCode: string,
  },
};

export const generationConfig: Message = {
  name: 'GenerationConfig',
  fields: {
    candidateCount: int32,
    stopSequences: strings,
    maxOutputTokens: int32,
    temperature: double,
    topP: double,
    topK: double,
    seed: int32,
    presencePenalty: double,
    frequencyPenalty: double,
    responseLogprobs: bool,
    logprobs: int32,
    responseMimeType: string,
    responseSchema: one(() => schema),
    responseJsonSchema: value,
    _responseJsonSchema: value,
    enableEnhancedCivicAnswers: bool,
    responseModalities: oneOf('Modality', ['MODALITY_UNSPECIFIED', 'TEXT', 'IMAGE', 'AUDIO', 'VIDEO'], { list: true }),
    speechConfig: one(() => speechConfig),
    thinkingConfig: one(() => ({
      name: 'ThinkingConfig',
      fields: {
        includeThoughts: bool,
        thinkingBudget: int32,
        thinkingLevel: oneOf('ThinkingLevel', ['THINKING_LEVEL_UNSPECIFIED', 'LOW', 'MEDIUM', 'HIGH', 'MINIMAL']),
      },
    })),
    imageConfig: one(() => ({
      name: 'ImageConfig',
      fields: {
        aspectRatio: string,
        imageSize: string,
        personGeneration: { ...string, ...vertex },
        imageOutputOptions: one(
          () => ({ name: 'ImageOutputOptions', fields: { mimeType: string, compressionQuality: int32 } }),
          vertex,
        ),
      },
    })),
    mediaResolution: oneOf('MediaResolution', resolutions),
    audioTranscriptionConfig: struct,
    audioTimestamp: { ...bool, ...vertex },
    routingConfig: { ...struct, ...vertex },
    modelSelectionConfig: { ...struct, ...vertex },
  },
};

const categories = [
  'UNSPECIFIED',
  'DEROGATORY',
  'TOXICITY',
  'VIOLENCE',
  'SEXUAL',
  'MEDICAL',
  'DANGEROUS',
  'HARASSMENT',
  'HATE_SPEECH',
  'SEXUALLY_EXPLICIT',
  'DANGEROUS_CONTENT',
  'CIVIC_INTEGRITY',
  'JAILBREAK',
];
export const safetySetting: Message = {
  name: 'SafetySetting',
  fields: {
    category: oneOf(
      'HarmCategory',
      categories.map((name) => `HARM_CATEGORY_${name}`),
    ),
    threshold: oneOf('SafetySetting.HarmBlockThreshold', [
      'HARM_BLOCK_THRESHOLD_UNSPECIFIED',
      'BLOCK_LOW_AND_ABOVE',
      'BLOCK_MEDIUM_AND_ABOVE',
      'BLOCK_ONLY_HIGH',
      'BLOCK_NONE',
      'OFF',
    ]),
    method: oneOf('HarmBlockMethod', ['HARM_BLOCK_METHOD_UNSPECIFIED', 'SEVERITY', 'PROBABILITY'], vertex),
  },
};
