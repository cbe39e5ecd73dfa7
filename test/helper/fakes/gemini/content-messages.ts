import { bool, data, double, int32, many, one, oneOf, resolutions, string, struct, value, vertex } from './message-fields.ts';
import type { Message } from './proto.ts';

const toolTypes = [
  'TOOL_TYPE_UNSPECIFIED',
  'GOOGLE_SEARCH_WEB',
  'GOOGLE_SEARCH_IMAGE',
  'URL_CONTEXT',
  'GOOGLE_MAPS',
  'FILE_SEARCH',
  'MEDIA_PROCESSING',
];
const blob: Message = {
  name: 'Blob',
  fields: { mimeType: string, data: { kind: 'bytes' }, displayName: { ...string, ...vertex } },
};
const fileData: Message = {
  name: 'FileData',
  fields: { mimeType: string, fileUri: string, displayName: { ...string, ...vertex } },
};

const functionCall: Message = {
  name: 'FunctionCall',
  fields: { id: string, name: string, args: struct, partialArgs: { ...value, ...vertex }, willContinue: { ...bool, ...vertex } },
};

const functionResponsePart: Message = {
  name: 'FunctionResponsePart',
  fields: {
    inlineData: one(
      () => ({ name: 'FunctionResponseBlob', fields: { mimeType: string, data: { kind: 'bytes' }, displayName: string } }),
      data,
    ),
    fileData: one(
      () => ({ name: 'FunctionResponseFileData', fields: { mimeType: string, fileUri: string, displayName: string } }),
      data,
    ),
  },
};

const functionResponse: Message = {
  name: 'FunctionResponse',
  fields: {
    id: string,
    name: string,
    response: struct,
    parts: many(() => functionResponsePart),
    willContinue: bool,
    scheduling: oneOf('Scheduling', ['SCHEDULING_UNSPECIFIED', 'SILENT', 'WHEN_IDLE', 'INTERRUPT']),
  },
};

const part: Message = {
  name: 'Part',
  fields: {
    text: { ...string, ...data },
    inlineData: one(() => blob, data),
    fileData: one(() => fileData, data),
    functionCall: one(() => functionCall, data),
    functionResponse: one(() => functionResponse, data),
    executableCode: one(
      () => ({
        name: 'ExecutableCode',
        fields: { id: string, language: oneOf('Language', ['LANGUAGE_UNSPECIFIED', 'PYTHON']), code: string },
      }),
      data,
    ),
    codeExecutionResult: one(
      () => ({
        name: 'CodeExecutionResult',
        fields: {
          id: string,
          outcome: oneOf('Outcome', ['OUTCOME_UNSPECIFIED', 'OUTCOME_OK', 'OUTCOME_FAILED', 'OUTCOME_DEADLINE_EXCEEDED']),
          output: string,
        },
      }),
      data,
    ),
    toolCall: one(
      () => ({ name: 'ToolCall', fields: { id: string, toolType: oneOf('ToolType', toolTypes), args: struct } }),
      data,
    ),
    toolResponse: one(
      () => ({ name: 'ToolResponse', fields: { id: string, toolType: oneOf('ToolType', toolTypes), response: struct } }),
      data,
    ),
    thought: bool,
    thoughtSignature: { kind: 'bytes' },
    videoMetadata: one(() => ({
      name: 'VideoMetadata',
      fields: { startOffset: { kind: 'duration' }, endOffset: { kind: 'duration' }, fps: double },
    })),
    partMetadata: struct,
    mediaResolution: one(() => ({
      name: 'MediaResolution',
      fields: { level: oneOf('Level', [...resolutions, 'MEDIA_RESOLUTION_ULTRA_HIGH']), numTokens: int32 },
    })),
  },
};

export const content: Message = { name: 'Content', fields: { role: string, parts: many(() => part) } };
