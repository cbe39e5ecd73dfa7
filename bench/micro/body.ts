import { BodyReader } from '../../plugins/body.ts';
import { requestBody } from '../messages.ts';
import type { Case } from './harness.ts';

/** What a socket hands over at once. */
const chunkBytes = 65_536;

function read(name: string, bytes: Buffer): Case {
  const chunks = Array.from({ length: Math.ceil(bytes.length / chunkBytes) }, (_, at) =>
    bytes.subarray(at * chunkBytes, (at + 1) * chunkBytes),
  );
  return {
    name: `body, ${name}`,
    run(times) {
      let members = 0;
      for (let at = 0; at < times; at++) {
        const reader = new BodyReader();
        for (const chunk of chunks) reader.push(chunk);
        members += reader.end().members.length;
      }
      return members;
    },
  };
}

function chat(content: unknown): Buffer {
  return Buffer.from(JSON.stringify({ model: 'bench-model', messages: [{ role: 'user', content }] }));
}

const numbers = Array.from({ length: 299_000 }, (_, at) => at % 50_000);

/** A usual body, and the worst of those that are still taken: what they hold the event loop for. */
export const bodyCases: readonly Case[] = [
  read('1 kB', requestBody(false)),
  read('95,000 empty objects', chat(Array.from({ length: 95_000 }, () => ({})))),
  read('95,000 short strings', chat(Array.from({ length: 95_000 }, (_, at) => `s${at}`))),
  read('299,000 token ids', Buffer.from(JSON.stringify({ model: 'bench-model', input: numbers }))),
  read('7 MiB of text', chat('Never odd or even. '.repeat(386_000))),
  read(
    '24 MiB of base64',
    chat([{ type: 'image_url', image_url: { url: `data:image/png;base64,${'iVBORw0K'.repeat(3_145_728)}` } }]),
  ),
];
