import type { EncodeNotes, HeaderMap, Target, UpstreamRequest } from '../provider.ts';
import type { ChatRequest } from '../unified.ts';
import { writeMarks } from './cache.ts';
import { CallIds } from './call-ids.ts';
import type { CacheMarks } from './dialect.ts';
import { planFormat } from './format.ts';
import { rulesOf } from './models.ts';
import { type Native, readNative } from './native.ts';
import { samplingOf } from './sampling.ts';
import { planThinking } from './thinking.ts';
import { planTools } from './tools.ts';
import { conversationOf } from './turns.ts';

/** Longest `metadata.user_id`. */
const MAX_USER_ID = 256;

export interface EncodedRequest {
  readonly request: UpstreamRequest;
  /** The tool whose input is the answer's text. */
  readonly formatTool: string | null;
}

/** A request to `POST {base}/messages`. Throws `TranslationError` with reason `invalid_request` for what cannot be said. */
export function encodeRequest(request: ChatRequest, target: Target, notes: EncodeNotes): EncodedRequest {
  const rules = rulesOf(target.model);
  const native = readNative(request);
  const marks: CacheMarks = new Map();
  const maxTokens = Math.min(request.maxOutputTokens ?? rules.defaultMaxTokens, rules.maxOutputTokens);
  const format = planFormat(request, rules, notes);
  const { tools, choice, forced } = planTools(request, { rules, native: native.tools, format: format.tool, marks, notes });
  const thinking = planThinking(request, { rules, native, maxTokens, forced, notes });
  const context = { ids: new CallIds(), marks, notes, thinking: thinking.mode !== 'off' };
  const { system, messages } = conversationOf(request.messages, rules, context);
  writeMarks(tools, system, messages, marks, native.automaticCache ? 1 : 0, notes);
  const outputConfig = {
    ...(thinking.effort === null ? {} : { effort: thinking.effort }),
    ...(format.format === null ? {} : { format: format.format }),
    ...native.outputConfig,
  };
  const metadata = metadataOf(request, native, notes);
  const tier = tierOf(request, native, notes);
  const body = {
    model: target.model,
    max_tokens: maxTokens,
    ...(request.stream ? { stream: true } : {}),
    ...(system.length === 0 ? {} : { system }),
    messages,
    ...(tools.length === 0 ? {} : { tools }),
    ...(choice === null ? {} : { tool_choice: choice }),
    ...(thinking.config === null ? {} : { thinking: thinking.config }),
    ...(Object.keys(outputConfig).length === 0 ? {} : { output_config: outputConfig }),
    ...samplingOf(request, rules, native, thinking.mode !== 'off', notes),
    ...(metadata === null ? {} : { metadata }),
    ...(tier === null ? {} : { service_tier: tier }),
    ...native.members,
  };
  const { path, query, headers } = target.provider;
  return {
    request: {
      method: 'POST',
      path: `${path}/messages${query}`,
      headers: headersFor(headers, request.stream, [...native.betas, ...thinking.betas]),
      body: Buffer.from(JSON.stringify(body)),
    },
    formatTool: format.tool?.name ?? null,
  };
}

/** Beta features of the call beside those of the configuration. */
function headersFor(headers: HeaderMap, stream: boolean, betas: readonly string[]): HeaderMap {
  const configured = (headers['anthropic-beta'] ?? '').split(',').map((beta) => beta.trim());
  const all = new Set([...configured, ...betas].filter((beta) => beta !== ''));
  return {
    ...headers,
    ...(all.size === 0 ? {} : { 'anthropic-beta': [...all].join(',') }),
    'content-type': 'application/json',
    ...(stream ? { accept: 'text/event-stream', 'accept-encoding': 'identity' } : { accept: 'application/json' }),
  };
}

/** Who the end user is, by `safety_identifier` or its older name `user`. */
function metadataOf(request: ChatRequest, native: Native, notes: EncodeNotes): Record<string, unknown> | null {
  const id = request.safetyIdentifier ?? request.user;
  const fits = id !== undefined && id !== '' && id.length <= MAX_USER_ID;
  if (id !== undefined && id.length > MAX_USER_ID)
    notes.dropped(request.safetyIdentifier === undefined ? 'user' : 'safety_identifier');
  return fits || native.metadata !== undefined ? { ...(fits ? { user_id: id } : {}), ...native.metadata } : null;
}

/** The API has capacity of two kinds: `auto` takes what the account has, `standard_only` never the reserved one. */
function tierOf({ serviceTier }: ChatRequest, native: Native, notes: EncodeNotes): unknown {
  if (native.serviceTier !== undefined) return native.serviceTier;
  if (serviceTier === undefined) return null;
  if (serviceTier === 'auto' || serviceTier === 'priority') return 'auto';
  if (serviceTier === 'default') return 'standard_only';
  notes.dropped('service_tier');
  return null;
}
