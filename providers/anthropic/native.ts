import type { ChatRequest } from '../unified.ts';
import { isObject, type JsonObject, refuse } from '../wire/json.ts';
import { type Block, DIALECT } from './dialect.ts';

/** What the caller says in the API's own words: top-level `thinking`, and the members of top-level `anthropic`. */
export interface Native {
  readonly thinking?: JsonObject;
  /** How the caller named it. */
  readonly thinkingField: string;
  readonly outputConfig?: JsonObject;
  readonly metadata?: JsonObject;
  readonly tools: readonly Block[];
  readonly betas: readonly string[];
  readonly topK?: number;
  readonly serviceTier?: unknown;
  /** The API places a mark by itself, which takes one of the four places. */
  readonly automaticCache: boolean;
  /** Members that are sent as they are. */
  readonly members: Readonly<Record<string, unknown>>;
}

type Form = 'object' | 'array' | 'text' | 'number' | 'any';

/**
 * Members of `anthropic` and their forms (SDK 1.12, `MessageCreateParams` of both surfaces). Left out, so refused: what would
 * bill or attribute the call to another party, continue it from another response, or have another model answer it.
 */
const MEMBERS: Readonly<Record<string, Form>> = {
  betas: 'array',
  cache_control: 'object',
  compaction: 'object',
  container: 'any',
  context_management: 'object',
  diagnostics: 'object',
  inference_geo: 'text',
  mcp_servers: 'array',
  metadata: 'object',
  output_config: 'object',
  service_tier: 'text',
  speed: 'text',
  thinking: 'object',
  tools: 'array',
  top_k: 'number',
};

/** Members that this adapter writes itself, with the caller's part in them. */
const MERGED: ReadonlySet<string> = new Set(['betas', 'metadata', 'output_config', 'service_tier', 'thinking', 'tools', 'top_k']);

const BETA = /^[A-Za-z0-9._-]{1,128}$/;
const MAX_BETAS = 32;

/** The caller's own options. Throws `TranslationError` naming a member that is not known or has the wrong form. */
export function readNative(request: ChatRequest): Native {
  const extension = request.extensions?.[DIALECT] ?? {};
  const options = extension.anthropic ?? {};
  if (!isObject(options)) return refuse('`anthropic` has to be an object with options of the Messages API.', 'anthropic');
  const members: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(options)) {
    if (value === null) continue;
    const form = Object.hasOwn(MEMBERS, key) ? MEMBERS[key]! : null;
    const name = `anthropic.${key}`;
    if (form === null)
      refuse(`\`${name}\` is no option that can be set here. Known are: ${Object.keys(MEMBERS).join(', ')}.`, name);
    if (!fits(value, form)) refuse(`\`${name}\` has to be ${form === 'text' ? 'a string' : `an ${form}`}.`, name);
    if (!MERGED.has(key)) members[key] = value;
  }
  const own = options.thinking ?? extension.thinking ?? undefined;
  const field = isObject(options.thinking) ? 'anthropic.thinking' : 'thinking';
  if (own !== undefined && !isObject(own)) refuse(`\`${field}\` has to be an object.`, field);
  return {
    ...(isObject(own) ? { thinking: own } : {}),
    thinkingField: field,
    ...(isObject(options.output_config) ? { outputConfig: options.output_config } : {}),
    ...(isObject(options.metadata) ? { metadata: options.metadata } : {}),
    ...(typeof options.top_k === 'number' ? { topK: options.top_k } : {}),
    ...(typeof options.service_tier === 'string' ? { serviceTier: options.service_tier } : {}),
    tools: toolsOf(options.tools),
    betas: betasOf(options.betas),
    automaticCache: isObject(options.cache_control),
    members,
  };
}

function fits(value: unknown, form: Form): boolean {
  if (form === 'any') return typeof value === 'string' || isObject(value);
  if (form === 'object') return isObject(value);
  if (form === 'array') return Array.isArray(value);
  return typeof value === (form === 'text' ? 'string' : 'number');
}

function toolsOf(tools: unknown): readonly Block[] {
  if (!Array.isArray(tools)) return [];
  if (!tools.every(isObject)) refuse('Every element of `anthropic.tools` has to be an object.', 'anthropic.tools');
  return tools as Block[];
}

/** Header-safe by the pattern. */
function betasOf(betas: unknown): readonly string[] {
  if (!Array.isArray(betas)) return [];
  if (betas.length > MAX_BETAS || !betas.every((beta) => typeof beta === 'string' && BETA.test(beta))) {
    refuse('`anthropic.betas` has to be a list of at most 32 names of beta features.', 'anthropic.betas');
  }
  return betas as string[];
}
