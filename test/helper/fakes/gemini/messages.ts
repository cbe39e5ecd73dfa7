import { generationConfig, safetySetting } from './config-messages.ts';
import { content } from './content-messages.ts';
import { bool, gemini, int32, many, one, oneOf, string, vertex } from './message-fields.ts';
import type { Message } from './proto.ts';
import { tool, toolConfig } from './tool-messages.ts';

// Field lists of the REST API v1beta as the vendor's own client writes them (its converters to the two services), and of
// the Vertex variant where they differ.

export const generateContentRequest: Message = {
  name: 'GenerateContentRequest',
  fields: {
    model: string,
    contents: many(() => content),
    systemInstruction: one(() => content),
    tools: many(() => tool),
    toolConfig: one(() => toolConfig),
    safetySettings: many(() => safetySetting),
    generationConfig: one(() => generationConfig),
    cachedContent: string,
    serviceTier: oneOf('ServiceTier', ['unspecified', 'standard', 'flex', 'priority']),
    store: bool,
    labels: { kind: 'string', map: true },
    continuationToken: string,
    modelArmorConfig: one(
      () => ({ name: 'ModelArmorConfig', fields: { promptTemplateName: string, responseTemplateName: string } }),
      vertex,
    ),
  },
};

export const countTokensRequest: Message = {
  name: 'CountTokensRequest',
  fields: {
    model: string,
    contents: many(() => content),
    generateContentRequest: one(() => generateContentRequest, gemini),
    systemInstruction: one(() => content, vertex),
    tools: many(() => tool, vertex),
    generationConfig: one(() => generationConfig, vertex),
  },
};

export const embedContentRequest: Message = {
  name: 'EmbedContentRequest',
  fields: {
    model: string,
    content: one(() => content),
    taskType: oneOf('TaskType', [
      'TASK_TYPE_UNSPECIFIED',
      'RETRIEVAL_QUERY',
      'RETRIEVAL_DOCUMENT',
      'SEMANTIC_SIMILARITY',
      'CLASSIFICATION',
      'CLUSTERING',
      'QUESTION_ANSWERING',
      'FACT_VERIFICATION',
      'CODE_RETRIEVAL_QUERY',
    ]),
    title: string,
    outputDimensionality: int32,
    autoTruncate: { ...bool, ...vertex },
  },
};

export const batchEmbedContentsRequest: Message = {
  name: 'BatchEmbedContentsRequest',
  fields: { model: string, requests: many(() => embedContentRequest) },
};

export const cachedContent: Message = {
  name: 'CachedContent',
  fields: {
    name: string,
    displayName: string,
    model: string,
    contents: many(() => content),
    systemInstruction: one(() => content),
    tools: many(() => tool),
    toolConfig: one(() => toolConfig),
    ttl: { kind: 'duration', oneof: 'expiration' },
    expireTime: { kind: 'timestamp', oneof: 'expiration' },
  },
};
