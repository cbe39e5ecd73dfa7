import { check, same, say } from './harness.mjs';

const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const pdf = Buffer.from('%PDF-1.4\n%%EOF\n').toString('base64');
const wav = Buffer.from('RIFF\x04\0\0\0WAVE', 'latin1').toString('base64');

/** What goes in beside text, and vectors. */
export function mediaChecks({ dialect, create, embed }) {
  const describe = async (part, expected) => {
    const { choices } = await create({ messages: say({ type: 'text', text: 'describe' }, part) });
    same(choices[0].message.content, expected);
  };
  const vector = async (options) => (await embed(options)).data[0].embedding;
  return {
    image_data_url: () => describe({ type: 'image_url', image_url: { url: `data:image/png;base64,${pixel}` } }, 'image/png 70'),
    image_url: () =>
      describe({ type: 'image_url', image_url: { url: 'https://img.example.com/a.png' } }, 'https://img.example.com/a.png'),
    file_pdf: () =>
      describe(
        { type: 'file', file: { filename: 'a.pdf', file_data: `data:application/pdf;base64,${pdf}` } },
        'application/pdf 15',
      ),
    audio_input: () => describe({ type: 'input_audio', input_audio: { data: wav, format: 'wav' } }, 'audio/wav 12'),
    async embeddings() {
      const { object, data, usage } = await embed({ input: 'a text', encoding_format: 'float' });
      same([object, data[0].object, data[0].index], ['list', 'embedding', 0]);
      check(data[0].embedding.length >= 768 && Number.isInteger(usage.prompt_tokens), usage);
      // aimock's vectors are of no particular length; those of an API that says so are.
      const norm = Math.hypot(...data[0].embedding);
      check(dialect === 'openai' || Math.abs(norm - 1) < 1e-6, `norm ${norm}`);
    },
    async embeddings_base64() {
      // The client asks for base64 when the caller names nothing, and decodes that; it also takes numbers.
      const [asked, plain] = [await vector({ input: 'a text' }), await vector({ input: 'a text', encoding_format: 'float' })];
      same(asked.map(Math.fround), plain.map(Math.fround), 'vector');
      const encoded = Buffer.from(await vector({ input: 'a text', encoding_format: 'base64' }), 'base64');
      check(encoded.equals(Buffer.from(Float32Array.from(plain).buffer)), 'base64 of other bytes');
    },
    async embeddings_batch() {
      const input = Array.from({ length: 120 }, (_, index) => `text ${index}`);
      const { data } = await embed({ input, encoding_format: 'float' });
      same(
        data.map((each) => each.index),
        [...input.keys()],
        'indexes',
      );
      same(data[119].embedding, await vector({ input: 'text 119', encoding_format: 'float' }), 'the last vector');
    },
    embeddings_dimensions: async () => same((await vector({ input: 'a text', dimensions: 256 })).length, 256),
    embeddings_tokens: () => embed({ input: [[1, 2, 3]] }),
  };
}
