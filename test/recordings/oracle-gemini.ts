import {
  count,
  type Expected,
  type ExpectedCall,
  type ExpectedUsage,
  emptyChoice,
  type Json,
  object,
  objects,
  present,
  text,
} from './expected.ts';

type Call = { -readonly [K in keyof ExpectedCall]: ExpectedCall[K] } & { args: unknown };

const filtered =
  /^(?:SAFETY|RECITATION|BLOCKLIST|PROHIBITED_CONTENT|SPII|IMAGE_SAFETY|IMAGE_PROHIBITED_CONTENT|IMAGE_RECITATION|MODEL_ARMOR|LANGUAGE)$/;

/** The answer that `documents` make: those of a stream in order, or a single one. */
export function expectedOfGemini(documents: readonly Json[]): Expected {
  const calls: Call[] = [];
  const choice = {
    ...emptyChoice,
    images: [] as string[],
    signatures: [] as string[],
    sources: [] as string[],
    tokens: [] as string[],
  };
  let open: Call | null = null;
  let reason: string | null = null;
  let usage: Json = {};
  let model: string | null = null;
  let blocked = false;
  for (const document of documents) {
    usage = document.usageMetadata === undefined ? usage : object(document.usageMetadata);
    // Once a name came with the collection it is in.
    model ??= text(document.modelVersion)?.replace(/^models\//, '') ?? null;
    blocked ||= object(document.promptFeedback).blockReason !== undefined;
    const candidate = objects(document.candidates)[0];
    if (candidate === undefined) continue;
    for (const part of objects(object(candidate.content).parts)) {
      const words = text(part.text) ?? '';
      const signature = text(part.thoughtSignature);
      if (part.functionCall !== undefined) {
        const called = object(part.functionCall);
        if (text(called.name) !== null) {
          open = { name: text(called.name)!, arguments: '', signature, args: called.args ?? {} };
          calls.push(open);
        }
        for (const piece of objects(called.partialArgs)) putPiece(open!.args, piece);
      } else if (part.inlineData !== undefined) choice.images.push(String(object(part.inlineData).data));
      else if (part.thought === true) choice.reasoning += words;
      else if (part.text !== undefined) {
        choice.text += words;
        if (signature !== null) choice.signatures.push(signature);
      }
    }
    // 1 is STOP where Vertex AI was asked for enums as integers.
    if (candidate.finishReason !== undefined) reason = candidate.finishReason === 1 ? 'STOP' : String(candidate.finishReason);
    for (const { token } of objects(object(candidate.logprobsResult).chosenCandidates)) choice.tokens.push(String(token));
    choice.sources.push(...sourcesOf(object(candidate.groundingMetadata)));
  }
  const finish = finishOf(reason, blocked, calls.length > 0);
  return {
    kind: 'answer',
    choices: [{ ...choice, finish, calls: calls.map(({ args, ...call }) => ({ ...call, arguments: JSON.stringify(args) })) }],
    usage: usageOf(usage),
    model,
  };
}

function finishOf(reason: string | null, blocked: boolean, called: boolean): string {
  if (blocked || filtered.test(reason ?? '')) return 'content_filter';
  if (reason === 'MAX_TOKENS' || reason === 'CONTINUATION') return 'length';
  return called ? 'tool_calls' : 'stop';
}

function usageOf(usage: Json): ExpectedUsage | null {
  const [prompt, tools, candidates, thoughts, cached, total] = [
    'promptTokenCount',
    'toolUsePromptTokenCount',
    'candidatesTokenCount',
    'thoughtsTokenCount',
    'cachedContentTokenCount',
    'totalTokenCount',
  ].map((name) => count(usage[name]));
  if (prompt == null && total == null) return null;
  const input = (prompt ?? 0) + (tools ?? 0);
  const output = (candidates ?? 0) + (thoughts ?? 0);
  return { input, output, ...present({ cached, reasoning: thoughts, total }) };
}

/** `$.a.b[0].c` and a value; a text continues what is at its place. */
function putPiece(root: unknown, piece: Json): void {
  const steps = String(piece.jsonPath)
    .replace(/^\$\.?/, '')
    .split(/\.|\[(?=\d)/)
    .map((step) => (/^\d+\]$/.test(step) ? Number.parseInt(step, 10) : step));
  let node = root as Record<string | number, unknown>;
  for (const [at, step] of steps.slice(0, -1).entries()) {
    node[step] ??= typeof steps[at + 1] === 'number' ? [] : {};
    node = node[step] as Record<string | number, unknown>;
  }
  const last = steps.at(-1)!;
  if (typeof piece.stringValue === 'string') node[last] = `${(node[last] as string | undefined) ?? ''}${piece.stringValue}`;
  else node[last] = piece.numberValue ?? piece.boolValue ?? null;
}

/** Pages that some sentence of the answer is tied to; all of them where none is. */
function sourcesOf(grounding: Json): string[] {
  const chunks = objects(grounding.groundingChunks).map(
    (chunk) => text(object(chunk.web).uri) ?? text(object(chunk.retrievedContext).uri),
  );
  const supports = objects(grounding.groundingSupports);
  const used = supports.flatMap((support) => support.groundingChunkIndices as number[]).map((index) => chunks[index] ?? null);
  return (supports.length === 0 ? chunks : used).filter((address) => address !== null);
}

/** Vectors of `embedContent` and `batchEmbedContents`. */
export function expectedVectorsOfGemini(document: Json): Expected {
  const list = document.embedding === undefined ? objects(document.embeddings) : [object(document.embedding)];
  const input = count(object(document.usageMetadata).promptTokenCount);
  return {
    kind: 'vectors',
    vectors: list.map((each) => each.values as number[]),
    usage: input === null ? null : { input, output: 0 },
  };
}
