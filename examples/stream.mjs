// Streams an answer through the gateway with the official client: `npm install openai && node examples/stream.mjs "Hello"`.
import OpenAI from 'openai';

const client = new OpenAI({
  baseURL: process.env.POSTERN_URL ?? 'http://127.0.0.1:4000/v1',
  apiKey: process.env.POSTERN_KEY ?? 'not-needed',
});

const stream = await client.chat.completions.create({
  model: process.env.POSTERN_MODEL ?? 'sandbox/echo',
  messages: [{ role: 'user', content: process.argv[2] ?? 'Hello' }],
  stream: true,
  stream_options: { include_usage: true },
});

for await (const chunk of stream) {
  process.stdout.write(chunk.choices[0]?.delta?.content ?? '');
  if (chunk.usage) process.stderr.write(`\n${chunk.usage.total_tokens} tokens\n`);
}
