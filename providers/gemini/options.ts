import type { ChatRequest } from '../unified.ts';
import { isObject, type JsonObject, refuse } from '../wire/json.ts';
import { DIALECT } from './dialect.ts';

// The API's own options, as its OpenAI-compatible endpoint takes them: a top-level object `google`, or `extra_body.google`, with
// names in either spelling. The API refuses unknown fields, so nothing is passed on that is not listed here.

/** Members of the client's request that are read here. */
export const optionFields: readonly string[] = ['google', 'extra_body', 'web_search_options'];

type Place = 'request' | 'generation' | 'thinking' | 'tools' | 'tool_config' | 'cached';

/** Where each option goes, by its name in the API. */
const PLACES: Readonly<Record<string, Place>> = {
  cachedContent: 'cached',
  continuationToken: 'request',
  labels: 'request',
  modelArmorConfig: 'request',
  safetySettings: 'request',
  audioTimestamp: 'generation',
  audioTranscriptionConfig: 'generation',
  enableEnhancedCivicAnswers: 'generation',
  imageConfig: 'generation',
  mediaResolution: 'generation',
  modelSelectionConfig: 'generation',
  responseModalities: 'generation',
  routingConfig: 'generation',
  speechConfig: 'generation',
  topK: 'generation',
  thinkingConfig: 'thinking',
  tools: 'tools',
  toolConfig: 'tool_config',
  retrievalConfig: 'tool_config',
};

const THINKING: ReadonlySet<string> = new Set(['thinkingBudget', 'thinkingLevel', 'includeThoughts']);
const TOOL_CONFIG: ReadonlySet<string> = new Set(['retrievalConfig', 'includeServerSideToolInvocations']);

/** What the caller says in the API's own words. */
export interface NativeOptions {
  /** Members of the request and of its `generationConfig`, by the API's names. */
  readonly request: Readonly<Record<string, unknown>>;
  readonly generation: Readonly<Record<string, unknown>>;
  readonly thinking: Readonly<Record<string, unknown>> | null;
  readonly tools: readonly JsonObject[];
  readonly toolConfig: Readonly<Record<string, unknown>>;
  readonly cachedContent: string | null;
  /** `web_search_options`, where they were given. */
  readonly search: JsonObject | null;
  /** Members of `extra_body` that are not ours. */
  readonly ignored: readonly string[];
}

interface Draft {
  request: Record<string, unknown>;
  generation: Record<string, unknown>;
  thinking: Record<string, unknown> | null;
  tools: JsonObject[];
  toolConfig: Record<string, unknown>;
  cachedContent: string | null;
}

/** Throws `TranslationError` naming the option (`google.x`) that is unknown or of the wrong type. */
export function readOptions(request: ChatRequest): NativeOptions {
  const given = request.extensions?.[DIALECT] ?? {};
  const draft: Draft = { request: {}, generation: {}, thinking: null, tools: [], toolConfig: {}, cachedContent: null };
  const ignored: string[] = [];
  const extra = objectOrNull(given.extra_body, 'extra_body');
  for (const name of Object.keys(extra ?? {})) if (name !== 'google') ignored.push(`extra_body.${name}`);
  read(objectOrNull(extra?.google, 'extra_body.google'), 'extra_body.google', draft);
  read(objectOrNull(given.google, 'google'), 'google', draft);
  return { ...draft, search: objectOrNull(given.web_search_options, 'web_search_options'), ignored };
}

function read(options: JsonObject | null, where: string, draft: Draft): void {
  for (const [written, value] of Object.entries(options ?? {})) {
    if (value === null || value === undefined) continue;
    const name = camelCase(written);
    const param = `${where}.${written}`;
    switch (PLACES[name]) {
      case 'request':
        draft.request[name] = value;
        break;
      case 'generation':
        draft.generation[name] = value;
        break;
      case 'thinking':
        draft.thinking = readThinking(value, param);
        break;
      case 'tools':
        draft.tools = readTools(value, param);
        break;
      case 'tool_config':
        Object.assign(draft.toolConfig, name === 'toolConfig' ? readToolConfig(value, param) : { [name]: value });
        break;
      case 'cached':
        if (typeof value !== 'string' || value === '') refuse(`\`${param}\` has to be the name of a cached content.`, param);
        draft.cachedContent = value.includes('/') ? value : `cachedContents/${value}`;
        break;
      default:
        refuse(`The option \`${param}\` is not known; known are ${Object.keys(PLACES).map(snakeCase).join(', ')}.`, param);
    }
  }
}

function readThinking(value: unknown, param: string): Record<string, unknown> {
  const config = known(value, THINKING, param);
  if (config.thinkingBudget !== undefined && config.thinkingLevel !== undefined) {
    refuse(`\`${param}\` takes a thinking_budget or a thinking_level, not both.`, param);
  }
  if (typeof config.thinkingLevel === 'string') config.thinkingLevel = config.thinkingLevel.toUpperCase();
  return config;
}

function readTools(value: unknown, param: string): JsonObject[] {
  if (!Array.isArray(value)) refuse(`\`${param}\` has to be an array of tools.`, param);
  return value.map((tool: unknown, at) => {
    if (!isObject(tool)) refuse(`\`${param}[${at}]\` has to be an object such as {"google_search": {}}.`, `${param}[${at}]`);
    if (Object.keys(tool).some((name) => camelCase(name) === 'functionDeclarations')) {
      refuse('Functions go into the top-level `tools`, not into the options of the provider.', `${param}[${at}]`);
    }
    return tool;
  });
}

function readToolConfig(value: unknown, param: string): Record<string, unknown> {
  return known(value, TOOL_CONFIG, param);
}

/** An object whose members are all in `names`, spelled as the API spells them. */
function known(value: unknown, names: ReadonlySet<string>, param: string): Record<string, unknown> {
  if (!isObject(value)) refuse(`\`${param}\` has to be an object.`, param);
  const read: Record<string, unknown> = {};
  for (const [written, member] of Object.entries(value)) {
    const name = camelCase(written);
    if (!names.has(name)) {
      refuse(`\`${param}.${written}\` is not known; known are ${[...names].map(snakeCase).join(', ')}.`, `${param}.${written}`);
    }
    if (member !== null) read[name] = member;
  }
  return read;
}

function objectOrNull(value: unknown, param: string): JsonObject | null {
  if (value === null || value === undefined) return null;
  return isObject(value) ? value : refuse(`\`${param}\` has to be an object.`, param);
}

/** `thinking_config` as `thinkingConfig`. */
export function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
