import { createServer, type ServerResponse } from 'node:http';
import { jsonAnswer, streamAnswer, streamEnd } from './messages.ts';

// The scripted upstream, a process of its own: `node bench/upstream.ts PORT`. Any POST gets the chat answer at once, or,
// when its body asks for a stream, the events with a gap of 2 ms; any GET gets an empty model list.

const gapMs = 2;
const answer = jsonAnswer();
const events = streamAnswer();
const jsonHead = ['content-type', 'application/json', 'content-length', String(answer.length), 'x-request-id', 'req_bench'];
const streamHead = ['content-type', 'text/event-stream; charset=utf-8', 'cache-control', 'no-cache', 'x-request-id', 'req_bench'];
const streamMark = '"stream":true';
const models = '{"object":"list","data":[]}';

function play(response: ServerResponse): void {
  let next = 0;
  response.writeHead(200, streamHead);
  const timer = setInterval(() => {
    const event = events[next++];
    if (event !== undefined) response.write(event);
    else {
      clearInterval(timer);
      response.end(streamEnd);
    }
  }, gapMs);
  response.on('close', () => clearInterval(timer));
}

const server = createServer((request, response) => {
  if (request.method !== 'POST') {
    response.writeHead(200, ['content-type', 'application/json', 'content-length', String(models.length)]);
    response.end(models);
    return;
  }
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    if (Buffer.concat(chunks).includes(streamMark)) play(response);
    else {
      response.writeHead(200, jsonHead);
      response.end(answer);
    }
  });
});

server.keepAliveTimeout = 60_000;
server.listen(Number(process.argv[2]), '127.0.0.1');
