import {
  anything,
  type Check,
  dictionary,
  fields,
  flag,
  integer,
  listOf,
  nullable,
  oneOf,
  pattern,
  tagged,
  text,
  textOr,
} from './fields.ts';

export const cacheControl: Check = nullable(tagged({ ephemeral: fields({}, { ttl: oneOf('5m', '1h') }, 'type') }));
const cached = { cache_control: cacheControl };
const id = pattern(/^[a-zA-Z0-9_-]+$/);
const serverId = pattern(/^srvtoolu_[a-zA-Z0-9_]+$/);
const toolName = pattern(/^[a-zA-Z0-9_-]{1,128}$/);
const truncated = /\.\.\.\[TRUNCATED \d+ chars\]$/;

/** Standard base64; what a recording cut short passes. Only the standard alphabet: the other one is refused. */
const base64: Check = (value, path) => {
  if (typeof value !== 'string') return `${path}: Input should be a valid string`;
  if (truncated.test(value)) return null;
  return value !== '' && value.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(value) ? null : `${path}: Invalid base64 data`;
};

const https: Check = (value, path) => {
  if (typeof value !== 'string') return `${path}: Input should be a valid string`;
  return value.startsWith('https://') ? null : `${path}: Only HTTPS URLs are supported.`;
};

const imageTypes = oneOf('image/jpeg', 'image/png', 'image/gif', 'image/webp');
const source = (variants: Readonly<Record<string, Check>>) => tagged(variants);
const fileSource = fields({ file_id: text }, {}, 'type');
const urlSource = fields({ url: https }, {}, 'type');

const textBlock = fields({ text }, { ...cached, citations: nullable(listOf(dictionary)) }, 'type');
const image = fields(
  { source: source({ base64: fields({ media_type: imageTypes, data: base64 }, {}, 'type'), url: urlSource, file: fileSource }) },
  { ...cached, transformations: nullable(dictionary) },
  'type',
);
const document = fields(
  {
    source: source({
      base64: fields({ media_type: oneOf('application/pdf'), data: base64 }, {}, 'type'),
      text: fields({ media_type: oneOf('text/plain'), data: text }, {}, 'type'),
      content: fields({ content: textOr(tagged({ text: textBlock, image })) }, {}, 'type'),
      url: urlSource,
      file: fileSource,
    }),
  },
  { ...cached, citations: nullable(fields({}, { enabled: flag })), context: nullable(text), title: nullable(text) },
  'type',
);
const searchResult = fields(
  { content: listOf(tagged({ text: textBlock })), source: text, title: text },
  { ...cached, citations: fields({}, { enabled: flag }) },
  'type',
);
const reference = fields({ tool_name: text }, cached, 'type');
const serverResult = fields({ tool_use_id: serverId, content: anything }, { ...cached, caller: dictionary }, 'type');

/** Every block of a message with its members; what server tools answered is looked at from outside only. */
const variants: Readonly<Record<string, Check>> = {
  text: textBlock,
  image,
  document,
  search_result: searchResult,
  thinking: fields({ signature: text, thinking: text }, {}, 'type'),
  redacted_thinking: fields({ data: text }, {}, 'type'),
  tool_use: fields(
    { id, name: toolName, input: dictionary },
    { ...cached, caller: dictionary, toolset_name: nullable(text) },
    'type',
  ),
  tool_result: fields(
    { tool_use_id: id },
    {
      ...cached,
      content: textOr(tagged({ text: textBlock, image, document, search_result: searchResult, tool_reference: reference })),
      is_error: flag,
      toolset_name: nullable(text),
    },
    'type',
  ),
  server_tool_use: fields(
    {
      id: serverId,
      name: oneOf(
        'web_search',
        'web_fetch',
        'code_execution',
        'bash_code_execution',
        'text_editor_code_execution',
        'tool_search_tool_regex',
        'tool_search_tool_bm25',
        'advisor',
      ),
      input: dictionary,
    },
    { ...cached, caller: dictionary },
    'type',
  ),
  web_search_tool_result: serverResult,
  web_fetch_tool_result: serverResult,
  code_execution_tool_result: serverResult,
  bash_code_execution_tool_result: serverResult,
  text_editor_code_execution_tool_result: serverResult,
  tool_search_tool_result: serverResult,
  container_upload: fields({ file_id: text }, cached, 'type'),
};

const betaVariants: Readonly<Record<string, Check>> = {
  ...variants,
  advisor_tool_result: serverResult,
  mcp_tool_use: fields({ id, name: text, server_name: text, input: dictionary }, cached, 'type'),
  mcp_tool_result: fields(
    { tool_use_id: id },
    { ...cached, content: textOr(tagged({ text: textBlock })), is_error: flag },
    'type',
  ),
  compaction: fields(
    {},
    { ...cached, content: nullable(text), encrypted_content: nullable(text), signature: nullable(text) },
    'type',
  ),
};

/** The content of a message: text or blocks. */
export function contentCheck(beta: boolean): Check {
  return textOr(tagged(beta ? betaVariants : variants));
}

/** The system prompt: text or text blocks. */
export const systemCheck: Check = textOr(tagged({ text: textBlock }));

export const mcpServer = fields(
  { name: text, type: oneOf('url'), url: https },
  {
    authorization_token: nullable(text),
    tool_configuration: nullable(fields({}, { allowed_tools: nullable(listOf(text)), enabled: nullable(flag) })),
  },
);

export const count = integer(1);
