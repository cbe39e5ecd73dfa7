import {
  bool,
  double,
  empty,
  gemini,
  int32,
  int64,
  many,
  one,
  oneOf,
  string,
  strings,
  struct,
  value,
  vertex,
} from './message-fields.ts';
import type { Message } from './proto.ts';

/** The OpenAPI subset: no `$ref`, `$defs`, `additionalProperties`, `const`, `oneOf`, `allOf`. */
export const schema: Message = {
  name: 'Schema',
  fields: {
    type: oneOf('Type', ['TYPE_UNSPECIFIED', 'STRING', 'NUMBER', 'INTEGER', 'BOOLEAN', 'ARRAY', 'OBJECT', 'NULL']),
    format: string,
    title: string,
    description: string,
    nullable: bool,
    enum: strings,
    items: one(() => schema),
    maxItems: int64,
    minItems: int64,
    properties: { kind: () => schema, map: true },
    required: strings,
    minProperties: int64,
    maxProperties: int64,
    minimum: double,
    maximum: double,
    minLength: int64,
    maxLength: int64,
    pattern: string,
    example: value,
    anyOf: many(() => schema),
    propertyOrdering: strings,
    default: value,
  },
};

const functionDeclaration: Message = {
  name: 'FunctionDeclaration',
  fields: {
    name: string,
    description: string,
    parameters: one(() => schema),
    parametersJsonSchema: value,
    response: one(() => schema),
    responseJsonSchema: value,
    behavior: oneOf('Behavior', ['UNSPECIFIED', 'BLOCKING', 'NON_BLOCKING']),
  },
};

export const tool: Message = {
  name: 'Tool',
  fields: {
    functionDeclarations: many(() => functionDeclaration),
    googleSearch: one(() => ({
      name: 'GoogleSearch',
      fields: {
        timeRangeFilter: one(() => ({
          name: 'Interval',
          fields: { startTime: { kind: 'timestamp' }, endTime: { kind: 'timestamp' } },
        })),
        searchTypes: one(() => ({
          name: 'SearchTypes',
          fields: { webSearch: empty('WebSearch'), imageSearch: empty('ImageSearch') },
        })),
        excludeDomains: { ...strings, ...vertex },
      },
    })),
    googleSearchRetrieval: one(() => ({
      name: 'GoogleSearchRetrieval',
      fields: {
        dynamicRetrievalConfig: one(() => ({
          name: 'DynamicRetrievalConfig',
          fields: { mode: oneOf('Mode', ['MODE_UNSPECIFIED', 'MODE_DYNAMIC']), dynamicThreshold: double },
        })),
      },
    })),
    codeExecution: empty('CodeExecution'),
    urlContext: empty('UrlContext'),
    computerUse: one(() => ({
      name: 'ComputerUse',
      fields: {
        environment: oneOf('Environment', ['ENVIRONMENT_UNSPECIFIED', 'ENVIRONMENT_BROWSER']),
        excludedPredefinedFunctions: strings,
        enablePromptInjectionDetection: bool,
      },
    })),
    fileSearch: one(
      () => ({ name: 'FileSearch', fields: { fileSearchStoreNames: strings, metadataFilter: string, topK: int32 } }),
      gemini,
    ),
    googleMaps: one(() => ({ name: 'GoogleMaps', fields: { enableWidget: bool } })),
    mcpServers: many(() => ({ name: 'McpServer', fields: { name: string, streamableHttpTransport: struct } })),
    retrieval: { ...struct, ...vertex },
    enterpriseWebSearch: { ...struct, ...vertex },
  },
};

export const toolConfig: Message = {
  name: 'ToolConfig',
  fields: {
    functionCallingConfig: one(() => ({
      name: 'FunctionCallingConfig',
      fields: {
        mode: oneOf('Mode', ['MODE_UNSPECIFIED', 'AUTO', 'ANY', 'NONE', 'VALIDATED']),
        allowedFunctionNames: strings,
        streamFunctionCallArguments: { ...bool, ...vertex },
      },
    })),
    retrievalConfig: one(() => ({
      name: 'RetrievalConfig',
      fields: { latLng: one(() => ({ name: 'LatLng', fields: { latitude: double, longitude: double } })), languageCode: string },
    })),
    includeServerSideToolInvocations: { ...bool, ...gemini },
  },
};
