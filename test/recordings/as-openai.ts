import { type Json, object, objects, text } from './expected.ts';
import type { RecordedRequest } from './store.ts';

// What a client of this API would have sent to get a recorded request: the way back from a provider's own dialect, by its
// description, for all that has a place in the API of OpenAI.

export interface OpenAiRequest {
  readonly operation: 'chat' | 'responses' | 'embeddings';
  readonly model: string;
  readonly body: Record<string, unknown>;
}

/** Null for what is no call to a model that this API knows. */
export function asOpenAi({ path, body }: RecordedRequest): OpenAiRequest | null {
  const json = object(typeof body === 'string' ? parsed(body) : body);
  const model = /models\/([^/:]+)/.exec(path)?.[1] ?? text(json.model) ?? 'unnamed';
  if (/:(?:stream)?generateContent/i.test(path)) return { operation: 'chat', model, body: ofGemini(json, model) };
  if (/mbedContent/.test(path)) return { operation: 'embeddings', model, body: { model, input: embedded(json) } };
  if (/\/messages$/.test(path)) return { operation: 'chat', model, body: ofAnthropic(json, model) };
  if (/\/chat\/completions$/.test(path)) return { operation: 'chat', model, body: json };
  if (/\/responses$/.test(path)) return { operation: 'responses', model, body: json };
  return /\/embeddings$/.test(path) ? { operation: 'embeddings', model, body: json } : null;
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}

const functionTool = (name: unknown, description: unknown, parameters: unknown, more: object = {}) => ({
  type: 'function',
  function: {
    name,
    ...(description === undefined ? {} : { description }),
    ...(parameters === undefined ? {} : { parameters }),
    ...more,
  },
});
const call = (id: unknown, name: unknown, args: unknown, signature?: unknown) => ({
  ...(signature === undefined ? {} : { extra_content: { google: { thought_signature: signature } } }),
  id: String(id ?? name),
  type: 'function',
  function: { name, arguments: JSON.stringify(args ?? {}) },
});
const dataUrl = (type: unknown, data: unknown) => `data:${String(type)};base64,${String(data)}`;

function ofAnthropic(json: Json, model: string): Record<string, unknown> {
  const { tools, system, messages, mcp_servers: servers } = json;
  const own = objects(tools).filter((tool) => tool.input_schema === undefined);
  const functions = objects(tools).filter((tool) => tool.input_schema !== undefined);
  const format = object(object(json.output_config).format ?? json.output_format);
  const extra = {
    ...(own.length > 0 ? { tools: own } : {}),
    ...(servers === undefined ? {} : { mcp_servers: servers }),
    ...(json.context_management === undefined ? {} : { context_management: json.context_management }),
  };
  return {
    model,
    messages: [
      ...(system === undefined ? [] : [{ role: 'system', content: system }]),
      ...objects(messages).flatMap(({ role, content }) => turnsOfAnthropic(role, content)),
    ],
    ...(functions.length === 0
      ? {}
      : {
          tools: functions.map((tool) =>
            functionTool(
              tool.name,
              tool.description,
              tool.input_schema,
              tool.defer_loading === undefined ? {} : { defer_loading: true },
            ),
          ),
        }),
    ...(json.tool_choice === undefined ? {} : { tool_choice: choiceOf(object(json.tool_choice)) }),
    ...(format.schema === undefined
      ? {}
      : { response_format: { type: 'json_schema', json_schema: { name: 'answer', schema: format.schema } } }),
    ...(Object.keys(extra).length === 0 ? {} : { anthropic: extra }),
    ...(json.thinking === undefined ? {} : { thinking: json.thinking }),
    max_tokens: json.max_tokens,
  };
}

function choiceOf({ type, name }: Json): unknown {
  if (type === 'tool') return { type: 'function', function: { name } };
  return type === 'any' ? 'required' : type;
}

function turnsOfAnthropic(role: unknown, content: unknown): unknown[] {
  if (!Array.isArray(content)) return [{ role, content }];
  const turns: unknown[] = [];
  const parts: unknown[] = [];
  const calls: unknown[] = [];
  for (const block of objects(content)) {
    if (block.type === 'tool_use') calls.push(call(block.id, block.name, block.input));
    else if (block.type === 'tool_result') {
      const inner = Array.isArray(block.content) ? objects(block.content).map(partOfAnthropic) : block.content;
      turns.push({ role: 'tool', tool_call_id: block.tool_use_id, content: inner ?? '' });
    } else parts.push(partOfAnthropic(block));
  }
  if (parts.length > 0 || calls.length > 0) {
    turns.push({ role, content: parts.length === 0 ? null : parts, ...(calls.length === 0 ? {} : { tool_calls: calls }) });
  }
  return turns;
}

function partOfAnthropic(block: Json): unknown {
  const source = object(block.source);
  if (block.type === 'image') {
    const url =
      source.type === 'url' ? source.url : source.type === 'file' ? source.file_id : dataUrl(source.media_type, source.data);
    return { type: 'image_url', image_url: { url } };
  }
  if (block.type === 'document') {
    if (source.type === 'file') return { type: 'file', file: { file_id: source.file_id } };
    if (source.type === 'text') return { type: 'text', text: source.data };
    return {
      type: 'file',
      file: { filename: 'f.pdf', file_data: source.type === 'url' ? source.url : dataUrl(source.media_type, source.data) },
    };
  }
  return block;
}

function ofGemini(json: Json, model: string): Record<string, unknown> {
  const system = object(json.systemInstruction ?? json.system_instruction);
  const tools = objects(Array.isArray(json.tools) ? json.tools : [json.tools]);
  const functions = tools.flatMap((tool) => objects(tool.functionDeclarations ?? tool.function_declarations));
  const own = tools.filter(
    (tool) => Object.keys(tool).length > 0 && (tool.functionDeclarations ?? tool.function_declarations) === undefined,
  );
  const generation = object(json.generationConfig ?? json.generation_config);
  const schema = generation.responseJsonSchema ?? generation.responseSchema ?? generation.response_json_schema;
  const kept = json.cachedContent ?? json.cached_content;
  const google = { ...(own.length > 0 ? { tools: own } : {}), ...(kept === undefined ? {} : { cached_content: kept }) };
  return {
    model,
    messages: [
      ...(system.parts === undefined
        ? []
        : [{ role: 'system', content: objects(system.parts).map((part) => ({ type: 'text', text: part.text })) }]),
      ...objects(json.contents).flatMap(turnsOfGemini),
    ],
    ...(functions.length === 0
      ? {}
      : {
          tools: functions.map((each) =>
            functionTool(
              each.name,
              each.description,
              each.parametersJsonSchema ?? each.parameters_json_schema ?? each.parameters,
            ),
          ),
        }),
    ...(schema === undefined ? {} : { response_format: { type: 'json_schema', json_schema: { name: 'answer', schema } } }),
    ...(Object.keys(google).length === 0 ? {} : { google }),
  };
}

function turnsOfGemini({ role, parts: all }: Json): unknown[] {
  const turns: unknown[] = [];
  const parts: unknown[] = [];
  const calls: unknown[] = [];
  for (const part of objects(all)) {
    const called = object(part.functionCall ?? part.function_call);
    const answered = object(part.functionResponse ?? part.function_response);
    const blob = object(part.inlineData ?? part.inline_data);
    const file = object(part.fileData ?? part.file_data);
    if (called.name !== undefined)
      calls.push(call(called.id, called.name, called.args, part.thoughtSignature ?? part.thought_signature));
    else if (answered.name !== undefined) {
      const inner = objects(answered.parts).map((each) =>
        mediumOfGemini(object(each.inlineData ?? each.inline_data), object(each.fileData ?? each.file_data)),
      );
      const said = { type: 'text', text: JSON.stringify(answered.response ?? {}) };
      turns.push({
        role: 'tool',
        tool_call_id: answered.id ?? answered.name,
        content: inner.length === 0 ? said.text : [said, ...inner],
      });
    } else if (blob.data !== undefined || file.fileUri !== undefined || file.file_uri !== undefined)
      parts.push(mediumOfGemini(blob, file));
    else if (part.text !== undefined) parts.push({ type: 'text', text: part.text });
    else parts.push({ type: 'other', ...part });
  }
  if (parts.length > 0 || calls.length > 0) {
    const speaker = role === 'model' ? 'assistant' : 'user';
    turns.push({
      role: speaker,
      content: parts.length === 0 ? null : parts,
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
    });
  }
  return turns;
}

function mediumOfGemini(blob: Json, file: Json): unknown {
  const type = String(blob.mimeType ?? blob.mime_type ?? file.mimeType ?? file.mime_type ?? '');
  const uri = file.fileUri ?? file.file_uri;
  const standard = String(blob.data ?? '')
    .replaceAll('-', '+')
    .replaceAll('_', '/');
  if (type.startsWith('image/')) return { type: 'image_url', image_url: { url: uri ?? dataUrl(type, standard) } };
  if (type.startsWith('audio/') && uri === undefined)
    return { type: 'input_audio', input_audio: { data: standard, format: type.slice(6) } };
  if (type.startsWith('video/') || /youtu/.test(String(uri)))
    return { type: 'video_url', video_url: { url: uri ?? dataUrl(type, standard) } };
  return {
    type: 'file',
    file: uri === undefined ? { file_data: dataUrl(type, standard) } : { file_id: uri, ...(type === '' ? {} : { format: type }) },
  };
}

function embedded(json: Json): unknown {
  const contents = json.requests === undefined ? [json.content] : objects(json.requests).map((each) => each.content);
  return contents.map((content) =>
    objects(object(content).parts)
      .map((part) => text(part.text) ?? '')
      .join(''),
  );
}
