import { cacheControl, contentCheck, mcpServer, systemCheck } from './blocks.ts';
import { checkCacheControl } from './cache-control.ts';
import { type AnthropicError, anthropicError, invalid } from './errors.ts';
import {
  type Check,
  dictionary,
  fields,
  flag,
  integer,
  isObject,
  listOf,
  longest,
  nullable,
  oneOf,
  share,
  text,
} from './fields.ts';
import { checkMessages } from './messages.ts';
import { anthropicModel } from './models.ts';
import { checkOutput, outputConfigCheck } from './output.ts';
import { checkThinking, thinkingCheck } from './thinking.ts';
import { checkTools, toolChoiceCheck, toolsCheck } from './tools.ts';

export interface AnthropicValidation {
  /** Accept thinking blocks that the fake did not sign. Default false. */
  readonly trustSignatures?: boolean;
  /** Fields and blocks of beta features: an `anthropic-beta` header or `?beta=true`. Default false. */
  readonly beta?: boolean;
}

/** What the API says to a POST on `path` with the parsed `body`: null, or its refusal. */
export function validateAnthropic(path: string, body: unknown, options: AnthropicValidation = {}): AnthropicError | null {
  const counting = path.endsWith('/v1/messages/count_tokens');
  if (!counting && !path.endsWith('/v1/messages')) return anthropicError(404, 'Not Found');
  if (!isObject(body)) return invalid('Input should be a valid dictionary');
  const shape = (counting ? countShape : messageShape)(options.beta === true)(body, '');
  if (shape !== null) return invalid(shape.replace(/^\./, ''));
  const model = anthropicModel(String(body.model));
  if (model === null) return anthropicError(404, `model: ${String(body.model)}`);
  return (
    checkLimits(body, model.maxTokens) ??
    checkThinking(body, model) ??
    checkOutput(body, model) ??
    checkTools(body, model, counting) ??
    checkMessages(body, model, options.trustSignatures === true) ??
    checkCacheControl(body)
  );
}

function checkLimits(body: Record<string, unknown>, most: number): AnthropicError | null {
  const limit = body.max_tokens as number | undefined;
  if (limit !== undefined && limit > most) {
    return invalid(
      `max_tokens: ${limit} > ${most}, which is the maximum allowed number of output tokens for ${String(body.model)}`,
    );
  }
  const stops = (body.stop_sequences as string[] | undefined) ?? [];
  if (stops.some((stop) => stop.trim() === '')) return invalid('stop_sequences: each stop sequence must contain non-whitespace');
  return null;
}

/** The role `system` is not listed in the refusal; whether it is taken depends on the model. */
const role: Check = (value, path) => (value === 'system' ? null : oneOf('user', 'assistant')(value, path));

const message = (beta: boolean) => fields({ role, content: contentCheck(beta) });

const common = (beta: boolean): Readonly<Record<string, Check>> => ({
  system: systemCheck,
  tools: toolsCheck,
  tool_choice: toolChoiceCheck,
  thinking: thinkingCheck,
  output_config: outputConfigCheck(beta),
  cache_control: cacheControl,
  ...(beta
    ? { context_management: nullable(dictionary), mcp_servers: listOf(mcpServer), speed: nullable(oneOf('standard', 'fast')) }
    : {}),
});

const countShape = (beta: boolean) => fields({ model: text, messages: listOf(message(beta)) }, common(beta));

const messageShape = (beta: boolean) =>
  fields(
    { model: text, max_tokens: integer(1), messages: listOf(message(beta)) },
    {
      ...common(beta),
      stream: flag,
      stop_sequences: listOf(text),
      temperature: share,
      top_p: share,
      top_k: integer(0),
      metadata: fields({}, { user_id: nullable(longest(256)) }),
      service_tier: oneOf('auto', 'standard_only'),
      inference_geo: nullable(text),
      container: nullable((value, path) => (typeof value === 'string' ? null : dictionary(value, path))),
      user_profile_id: nullable(text),
      workspace_id: nullable(text),
      diagnostics: nullable(dictionary),
    },
  );
