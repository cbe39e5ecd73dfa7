import { type GeminiError, invalid, noModel } from './errors.ts';
import { geminiModel } from './models.ts';

const fields = new Set([
  'model',
  'messages',
  'stream',
  'stream_options',
  'temperature',
  'top_p',
  'n',
  'max_tokens',
  'max_completion_tokens',
  'stop',
  'presence_penalty',
  'frequency_penalty',
  'seed',
  'user',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'response_format',
  'reasoning_effort',
  'logprobs',
  'top_logprobs',
  'modalities',
  'audio',
  'extra_body',
  'service_tier',
  'store',
]);

/** The service's own compatibility endpoint: as much of it as the recordings show, and that unknown names are refused. */
export function checkCompat(body: unknown): GeminiError | null {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return invalid('Invalid JSON payload received.');
  const unknown = Object.keys(body).find((name) => !fields.has(name));
  if (unknown !== undefined)
    return invalid(`Invalid JSON payload received. Unknown name ${JSON.stringify(unknown)}: Cannot find field.`);
  const { model, messages } = body as { model?: unknown; messages?: unknown };
  if (typeof model !== 'string') return invalid('model is not specified');
  if (geminiModel(model.replace(/^models\//, '')) === null) return noModel(model.replace(/^models\//, ''), 'generateContent');
  return Array.isArray(messages) && messages.length > 0
    ? null
    : invalid('* GenerateContentRequest.contents: contents is not specified\n');
}
