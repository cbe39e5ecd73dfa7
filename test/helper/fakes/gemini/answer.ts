import { exampleValue } from '../example-value.ts';
import { wishOf } from '../prompt.ts';
import { partsOf } from './contents.ts';
import type { GeminiModel } from './models.ts';
import type { Canonical } from './proto.ts';
import { issueSignature } from './signatures.ts';
import { countContents, countText } from './tokens.ts';
import { declarationsOf } from './tools.ts';

export interface AnswerContext {
  readonly model: string;
  readonly family: GeminiModel;
  /** Whether function calls carry an id. */
  readonly callIds: boolean;
  /** The cachedContent that the request uses. */
  readonly cached: { readonly body: Canonical; readonly tokens: number } | null;
  /** Different for every answer of one fake. */
  readonly number: number;
}

/** What the model says: the parts of every candidate, why it ended, and what it used. */
export interface Answer {
  readonly candidates: readonly { readonly parts: readonly Canonical[]; readonly finishReason: string }[];
  readonly usage: Canonical;
  readonly modelVersion: string;
  readonly responseId: string;
}

/** Tokens of every thought. */
const thoughtTokens = 24;

/** The fake's own answer to an accepted request: the same request gets the same answer. */
export function answerTo(body: Canonical, context: AnswerContext): Answer {
  const config = (body.generationConfig as Canonical | undefined) ?? {};
  const contents = [...(contentsOf(context.cached?.body ?? {}) ?? []), ...contentsOf(body)];
  const thoughts = thinks(config, context.family) ? thoughtTokens : 0;
  const calls = callsFor(body, contents, context);
  const spoken = calls.length > 0 ? '' : textFor(config, contents);
  const room = ((config.maxOutputTokens as number | undefined) ?? context.family.outputTokenLimit) - thoughts;
  const { text, finishReason } = fitText(spoken, room, (config.stopSequences as string[] | undefined) ?? []);
  const parts = [
    ...(thoughts > 0 && (config.thinkingConfig as Canonical | undefined)?.includeThoughts === true
      ? [{ text: 'The user wants an answer, so I answer.', thought: true }]
      : []),
    ...(calls.length > 0 ? calls : said(text, config, context)),
  ];
  const count = (config.candidateCount as number | undefined) ?? 1;
  const candidates = Array.from({ length: count }, () => ({ parts: room <= 0 ? [] : parts, finishReason }));
  const spent =
    calls.length > 0
      ? countText(JSON.stringify(calls.map((part) => part.functionCall)))
      : Math.min(countText(text), Math.max(room, 0));
  return {
    candidates,
    usage: usageOf(countContents(body), spent * count, thoughts, context.cached?.tokens ?? 0),
    modelVersion: context.model,
    responseId: `fake-response-${context.number}`,
  };
}

function contentsOf(body: Canonical): Canonical[] {
  return (body.contents as Canonical[] | undefined) ?? [];
}

function thinks(config: Canonical, family: GeminiModel): boolean {
  if (family.thinking === 'none') return false;
  return (config.thinkingConfig as Canonical | undefined)?.thinkingBudget !== 0 || family.thinking === 'level';
}

/** The calls of this step, the first of them signed; none when the steps are done. */
function callsFor(body: Canonical, contents: readonly Canonical[], context: AnswerContext): Canonical[] {
  const tools = ((body.tools ?? context.cached?.body.tools) as Canonical[] | undefined) ?? [];
  const config = (body.toolConfig ?? context.cached?.body.toolConfig) as Canonical | undefined;
  const calling = config?.functionCallingConfig as Canonical | undefined;
  const allowed = (calling?.allowedFunctionNames as string[] | undefined) ?? [];
  const declared = tools.flatMap(declarationsOf).filter((entry) => allowed.length === 0 || allowed.includes(String(entry.name)));
  if (declared.length === 0 || calling?.mode === 'NONE') return [];
  const wish = wishOf(promptOf(contents));
  if (calling?.mode !== 'ANY' && stepsDone(contents) >= wish.steps) return [];
  const wanted = declared.find((entry) => entry.name === wish.call);
  return Array.from({ length: wish.parallel }, (_, index) => {
    const declaration = wanted ?? declared[index % declared.length]!;
    const name = String(declaration.name);
    const args =
      wish.args ?? (exampleValue(declaration.parametersJsonSchema ?? declaration.parameters ?? {}) as Canonical | null) ?? {};
    const id = context.callIds ? { id: `f${(context.number * 16 + index).toString(36).padStart(7, '0')}` } : {};
    const call = { functionCall: { name, args, ...id } };
    const signed =
      index === 0 &&
      context.family.thinking !== 'none' &&
      (context.family.generation >= 3 || context.family.thinking === 'budget');
    return signed
      ? { ...call, thoughtSignature: issueSignature({ model: context.model, on: `call:${name}` }, context.number) }
      : call;
  });
}

/** The newest text of a user that is no function response. */
export function promptOf(contents: readonly Canonical[]): string {
  for (const content of contents.toReversed()) {
    if (content.role === 'model') continue;
    const texts = partsOf(content).filter((part) => typeof part.text === 'string');
    if (texts.length > 0) return texts.map((part) => part.text as string).join('\n');
  }
  return '';
}

function stepsDone(contents: readonly Canonical[]): number {
  let steps = 0;
  for (const content of contents.toReversed()) {
    const parts = partsOf(content);
    if (content.role !== 'model' && parts.some((part) => part.functionResponse === undefined)) break;
    if (content.role === 'model' && parts.some((part) => part.functionCall !== undefined)) steps += 1;
  }
  return steps;
}

function textFor(config: Canonical, contents: readonly Canonical[]): string {
  if (config.responseMimeType === 'application/json') {
    const schema = config.responseJsonSchema ?? config._responseJsonSchema ?? config.responseSchema ?? { type: 'object' };
    return JSON.stringify(exampleValue(schema));
  }
  const prompt = promptOf(contents);
  const { say } = wishOf(prompt);
  if (say !== null) return say;
  const responses = partsOf(contents.at(-1) ?? {}).filter((part) => part.functionResponse !== undefined);
  if (responses.length > 0)
    return `Results: ${JSON.stringify(responses.map((part) => (part.functionResponse as Canonical).response))}`;
  return `You said: ${prompt}`;
}

function said(text: string, config: Canonical, context: AnswerContext): Canonical[] {
  const modalities = (config.responseModalities as string[] | undefined) ?? [];
  const parts: Canonical[] = modalities.length > 0 && !modalities.includes('TEXT') ? [] : [{ text }];
  if (modalities.includes('IMAGE')) parts.push({ inlineData: { mimeType: 'image/png', data: pixel } });
  if (modalities.includes('AUDIO')) parts.push({ inlineData: { mimeType: 'audio/L16;codec=pcm;rate=24000', data: 'AAAAAAAA' } });
  if (context.family.generation < 3 || parts.length === 0) return parts;
  const last = parts.at(-1)!;
  return [
    ...parts.slice(0, -1),
    { ...last, thoughtSignature: issueSignature({ model: context.model, on: 'text' }, context.number) },
  ];
}

/** A PNG of one pixel. */
const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

function fitText(text: string, room: number, stops: readonly string[]): { text: string; finishReason: string } {
  const ends = stops.map((stop) => text.indexOf(stop)).filter((at) => at !== -1);
  const stopped = ends.length === 0 ? text : text.slice(0, Math.min(...ends));
  if (countText(stopped) <= room) return { text: stopped, finishReason: 'STOP' };
  let kept = '';
  for (const point of stopped) {
    if (countText(kept + point) > room) break;
    kept += point;
  }
  return { text: kept, finishReason: 'MAX_TOKENS' };
}

/** Prompt tokens include the cached ones; candidates exclude thoughts; the total is the sum. */
function usageOf(prompt: number, candidates: number, thoughts: number, cached: number): Canonical {
  const whole = prompt + cached;
  return {
    promptTokenCount: whole,
    ...(candidates > 0 ? { candidatesTokenCount: candidates } : {}),
    ...(thoughts > 0 ? { thoughtsTokenCount: thoughts } : {}),
    ...(cached > 0 ? { cachedContentTokenCount: cached, cacheTokensDetails: [{ modality: 'TEXT', tokenCount: cached }] } : {}),
    totalTokenCount: whole + candidates + thoughts,
    promptTokensDetails: [{ modality: 'TEXT', tokenCount: whole }],
  };
}

/** A GenerateContentResponse. */
export function toResponse(answer: Answer): Canonical {
  return {
    candidates: answer.candidates.map(({ parts, finishReason }, index) => ({
      content: parts.length === 0 ? { role: 'model' } : { parts, role: 'model' },
      finishReason,
      ...(parts.some((part) => part.functionCall !== undefined) ? { finishMessage: 'Model generated function call(s).' } : {}),
      index,
    })),
    usageMetadata: answer.usage,
    modelVersion: answer.modelVersion,
    responseId: answer.responseId,
  };
}
