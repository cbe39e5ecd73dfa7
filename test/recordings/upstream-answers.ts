import { type Expected, eventData, type Json, object, objects, text } from './expected.ts';
import { expectedOfEvents, expectedOfMessage } from './oracle-anthropic.ts';
import { errorOf, expectedFailure } from './oracle-failure.ts';
import { expectedOfGemini, expectedVectorsOfGemini } from './oracle-gemini.ts';
import { expectedOfChat, expectedOfEmbeddings, expectedOfResponse } from './oracle-openai.ts';
import type { Recording } from './store.ts';

export type Dialect = 'openai' | 'gemini' | 'anthropic';
export type Operation = 'chat' | 'responses' | 'embeddings';

/** One answer of a provider, as it goes over the wire again, and what a client has to get of it. */
export interface UpstreamAnswer {
  /** Name of the recording; with a number where that holds several answers. */
  readonly name: string;
  readonly provider: string;
  readonly dialect: Dialect;
  readonly operation: Operation;
  readonly model: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** The recorded caller asked for a stream. */
  readonly streamed: boolean;
  readonly expected: Expected;
}

/** Headers that belong to the framing of the recorded connection. */
const framing = /^(?:content-encoding|content-length|transfer-encoding|connection|keep-alive|date|alt-svc)$/;

/** The answers of a recording, none where it is an answer to something this gateway cannot be asked. */
export function answersOf(recording: Recording): readonly UpstreamAnswer[] {
  const parts = documentsOf(recording);
  const dialect = dialectOf(recording, parts[0]?.[0]);
  return parts.flatMap((documents, at) => {
    const operation = operationOf(recording, dialect, documents);
    if (operation === null) return [];
    const streamed = recording.streaming !== false;
    const sse = recording.streaming === 'sse' || recording.streaming === 'chunks';
    return [
      {
        name: parts.length === 1 ? recording.name : `${recording.name}#${at + 1}`,
        provider: recording.provider,
        dialect,
        operation,
        model: modelOf(recording, documents),
        status: recording.status,
        headers: headersOf(recording, sse),
        body: Buffer.from(bodyOf(recording, dialect, operation, documents)),
        streamed,
        expected: expectedOf(recording.status, dialect, operation, streamed, documents),
      },
    ];
  });
}

/** The JSON documents of each answer. A list of chunks may be those of several calls, one after the other. */
function documentsOf(recording: Recording): readonly (readonly Json[])[] {
  if (recording.streaming === 'sse') {
    const data = eventData(recording.text).filter((event) => event.data !== '[DONE]');
    return [data.map((event) => object(JSON.parse(event.data)))];
  }
  const list = Array.isArray(recording.json) ? objects(recording.json) : [object(recording.json)];
  if (recording.streaming !== 'chunks') return [list];
  const answers: Json[][] = [[]];
  for (const [at, document] of list.entries()) {
    if (document.type === 'message_start' && list[at - 1]?.type === 'message_stop') answers.push([]);
    answers.at(-1)!.push(document);
  }
  return answers;
}

function dialectOf(recording: Recording, first: Json | undefined): Dialect {
  if (recording.provider === 'anthropic') return 'anthropic';
  // Gemini's own endpoint in the form of this API.
  const native = recording.provider.endsWith('gemini') && first?.choices === undefined;
  return native ? 'gemini' : 'openai';
}

function operationOf(recording: Recording, dialect: Dialect, documents: readonly Json[]): Operation | null {
  const first = documents[0] ?? {};
  const path = `${recording.request?.path ?? ''} ${recording.name}`;
  if (errorOf(recording.json) !== null) return /responses/.test(path) ? 'responses' : /mbed/.test(path) ? 'embeddings' : 'chat';
  if (dialect === 'anthropic') return /^message(?:_start)?$/.test(String(first.type)) ? 'chat' : null;
  if (dialect === 'gemini') {
    if (first.embedding !== undefined || first.embeddings !== undefined) return 'embeddings';
    return first.candidates !== undefined || first.promptFeedback !== undefined ? 'chat' : null;
  }
  if (String(first.type).startsWith('response.') || Array.isArray(first.output)) return 'responses';
  if (objects(first.data)[0]?.embedding !== undefined) return 'embeddings';
  const isChat = documents.some((each) =>
    objects(each.choices).some(({ message, delta }) => message !== undefined || delta !== undefined),
  );
  return isChat ? 'chat' : null;
}

function expectedOf(
  status: number,
  dialect: Dialect,
  operation: Operation,
  streamed: boolean,
  documents: readonly Json[],
): Expected {
  const broken = documents.findIndex((document) => errorOf(document) !== null);
  if (broken !== -1) return expectedFailure(status, errorOf(documents[broken])!, broken > 0);
  const [first] = documents as readonly [Json];
  if (operation === 'embeddings') return dialect === 'gemini' ? expectedVectorsOfGemini(first) : expectedOfEmbeddings(first);
  if (operation === 'responses') {
    return expectedOfResponse(streamed ? object(documents.findLast((each) => each.response !== undefined)!.response) : first);
  }
  if (dialect === 'gemini') return expectedOfGemini(documents);
  if (dialect === 'anthropic') return streamed ? expectedOfEvents(documents) : expectedOfMessage(first);
  return expectedOfChat(documents);
}

/** Upstream model: that of the request, else what the answer says it came from. */
function modelOf(recording: Recording, documents: readonly Json[]): string {
  const asked = /models\/([^/:]+)/.exec(recording.request?.path ?? '')?.[1] ?? text(object(recording.request?.body).model);
  if (asked !== undefined && asked !== null) return asked;
  for (const document of documents) {
    const answered =
      text(document.model) ??
      text(document.modelVersion) ??
      text(object(document.message).model) ??
      text(object(document.response).model);
    if (answered) return answered;
  }
  return 'unnamed';
}

function headersOf(recording: Recording, sse: boolean): Record<string, string> {
  const headers = Object.fromEntries(Object.entries(recording.headers).filter(([name]) => !framing.test(name)));
  return { 'content-type': sse ? 'text/event-stream' : 'application/json', ...headers };
}

function bodyOf(recording: Recording, dialect: Dialect, operation: Operation, documents: readonly Json[]): string {
  if (recording.streaming === 'chunks') return framed(dialect, operation, documents);
  // Google writes the array while it grows, and all JSON indented.
  if (recording.streaming === 'json_array') {
    return `[${documents.map((each) => JSON.stringify(each, null, 2)).join('\n,\r\n')}\n]\n`;
  }
  return dialect === 'gemini' && recording.streaming === false ? `${JSON.stringify(recording.json, null, 2)}\n` : recording.text;
}

/** Chunks that were kept parsed, as the provider sends them. */
function framed(dialect: Dialect, operation: Operation, documents: readonly Json[]): string {
  const end = dialect === 'gemini' ? '\r\n\r\n' : '\n\n';
  const named = dialect === 'anthropic' || operation === 'responses';
  const events = documents.map((each) => `${named ? `event: ${String(each.type)}\n` : ''}data: ${JSON.stringify(each)}${end}`);
  const done = dialect === 'openai' && operation === 'chat' ? 'data: [DONE]\n\n' : '';
  return events.join('') + done;
}
