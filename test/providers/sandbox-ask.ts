import type { LocalReply } from '../../providers/provider.ts';
import { serve } from '../../providers/sandbox/serve.ts';

export type Step = { readonly after: number; readonly bytes?: Buffer; readonly cut?: boolean };

export const post = (path: string, body: unknown): LocalReply =>
  serve({ method: 'POST', path, headers: {}, body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)) });
export const chat = (model: string, more: Record<string, unknown> = {}): LocalReply =>
  post('/chat/completions', { model, messages: [{ role: 'user', content: 'Say these five words back' }], ...more });
export const steps = (reply: LocalReply): Step[] => [...reply.steps];
export const textOf = (reply: LocalReply): string =>
  Buffer.concat(steps(reply).map(({ bytes }) => bytes ?? Buffer.alloc(0))).toString();
// biome-ignore lint/suspicious/noExplicitAny: answers are looked into by path
export const json = (reply: LocalReply): any => JSON.parse(textOf(reply));
/** The data of every event, parsed but for `[DONE]`. */
// biome-ignore lint/suspicious/noExplicitAny: chunks are looked into by path
export const events = (reply: LocalReply): any[] =>
  textOf(reply)
    .split('\n\n')
    .filter(Boolean)
    .map((event) => event.replace(/^(?:event: .*\n)?data: /, ''))
    .map((data) => (data === '[DONE]' ? data : JSON.parse(data)));
export const total = (reply: LocalReply): number => steps(reply).reduce((sum, { after }) => sum + after, 0);
