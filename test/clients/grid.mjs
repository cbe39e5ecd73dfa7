import OpenAI from 'openai';
import { digest } from '../helper/streams.ts';
import { columns } from './plan.mjs';

// G4 with the official client for JavaScript: every cut offset x FIN and RST x framing. argv: base URL, plan (JSON), share/of.
// Prints one line of JSON: { passed, failed: [messages] }.

const [baseURL, planText, share = '0/1'] = process.argv.slice(2);
const [own, of] = share.split('/').map(Number);
const client = new OpenAI({ baseURL, apiKey: 'unused', maxRetries: 0, logLevel: 'off' });

function* cases() {
  let number = 0;
  for (const stream of JSON.parse(planText)) {
    for (let offset = 0; offset <= stream.length; offset++) {
      for (const column of columns) if (number++ % of === own) yield { stream, offset, ...column };
    }
  }
}

async function judge({ stream, offset, framing, end }) {
  const chunks = [];
  let thrown = null;
  try {
    const content = `cut ${stream.name} ${offset} ${framing} ${end}`;
    const options = {
      model: 'grid',
      messages: [{ role: 'user', content }],
      stream: true,
      stream_options: { include_usage: true },
    };
    for await (const chunk of await client.chat.completions.create(options)) chunks.push(chunk);
  } catch (error) {
    thrown = error;
  }
  if (thrown !== null && !(thrown instanceof OpenAI.APIError)) return `threw ${thrown}`;
  if (offset < stream.completeEnd) return thrown === null ? 'ended normally with a part of the answer' : null;
  if (offset >= stream.finishedEnd && thrown !== null) return `threw on a whole answer: ${thrown.message}`;
  return thrown === null && digest(chunks) !== stream.whole ? 'ended normally with another answer' : null;
}

let passed = 0;
const failed = [];
const all = cases();
const worker = async () => {
  for (const each of all) {
    const problem = await judge(each);
    if (problem === null) passed++;
    else failed.push(`${each.stream.name} at ${each.offset}, ${each.framing}, ${each.end}: ${problem}`);
  }
};
await Promise.all(Array.from({ length: 16 }, worker));
console.log(JSON.stringify({ passed, failed: failed.slice(0, 20), failures: failed.length }));
