import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { LocalReply } from '../../../providers/provider.ts';
import { failureOf, providerAt, startSender } from './sender.ts';

type Step = LocalReply['steps'] extends Iterable<infer Each> ? Each : never;
const says = (text: string, after = 0): Step => ({ after, bytes: Buffer.from(text) });

async function play(steps: Iterable<Step>) {
  const sender = await startSender();
  const serve = () => ({ status: 201, headers: { 'x-local': 'yes' }, steps });
  return sender.start(providerAt('http://unused.test', {}, { serve }));
}

describe('an answer played in process', () => {
  it('is heard as if it came over a socket, and not before the caller has its handle', async () => {
    const { call, answer } = await play([says('a'), says('b')]);
    expect(answer.heard).toEqual([]);
    expect(await answer.over).toBe('end');
    expect(answer.heard).toEqual(['sent', 'head 201', 'data', 'end']);
    expect([answer.body.toString(), answer.head!.headers['x-local'], call.sent]).toEqual(['ab', 'yes', true]);
  });

  it('keeps its pauses', async () => {
    const before = performance.now();
    const { answer } = await play([says('a', 30), says('b', 30)]);
    await answer.over;
    expect(performance.now() - before).toBeGreaterThan(55);
  });

  it('may break off', async () => {
    const { answer } = await play([says('a'), { after: 5, cut: true }, says('never')]);
    expect(failureOf(await answer.over)).toMatchObject({ reason: 'network', unsent: false });
    expect(answer.body.toString()).toBe('a');
  });

  it('says nothing any more after an abort, and takes no further step', async () => {
    let taken = 0;
    function* steps(): Generator<Step> {
      for (;;) {
        taken++;
        yield says('x', 5);
      }
    }
    const { call, answer } = await play(steps());
    await expect.poll(() => answer.chunks.length, { interval: 1 }).toBeGreaterThan(1);
    call.abort();
    const [heard, stepped] = [answer.chunks.length, taken];
    await sleep(30);
    expect([answer.chunks.length, taken]).toEqual([heard, stepped]);
  });

  it('is not heard at all when it is aborted at once', async () => {
    const { call, answer } = await play([says('a')]);
    call.abort();
    await sleep(10);
    expect(answer.heard).toEqual([]);
  });

  it.each([0, 5])('C4: waits while paused and goes on where it was (steps %i ms apart)', async (after) => {
    const { call, answer } = await play([says('a', after), says('b', after), says('c', after)]);
    answer.onChunk = () => call.pause();
    await sleep(40);
    expect(answer.body.toString()).toBe('a');
    answer.onChunk = () => {};
    call.resume();
    call.resume();
    expect(await answer.over).toBe('end');
    expect(answer.body.toString()).toBe('abc');
  });
});
