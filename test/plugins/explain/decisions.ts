import { DecisionRecorder, type DecisionSource } from '../../../plugins/explain/record.ts';
import type { Candidate } from '../../../plugins/router/candidate.ts';
import type { SendNote } from '../../../plugins/router/decision.ts';
import { ratesFromConfig } from '../../../plugins/usage/money.ts';

/** Every target costs this much. */
export const recorder = new DecisionRecorder(() => ratesFromConfig({ input: 0.75, output: 4.5 }), 'c0ffee');

/** A call that has ended well, in half a second. */
export function source(changes: Partial<DecisionSource> = {}): DecisionSource {
  return {
    id: 'ex_1m840at10000020tf8vq',
    requestId: 'req-1',
    startedAt: 1_000,
    startedWall: 1_793_750_400_123,
    endedAt: 1_500.456,
    operation: 'chat',
    stream: true,
    model: 'smart',
    principal: { keyId: 'key_alice' },
    outcome: 'ok',
    reason: null,
    status: 200,
    costNano: 808_500,
    ...changes,
  };
}

/** A send that was answered. */
export function send(candidate: Candidate, changes: Partial<SendNote> = {}): SendNote {
  return {
    candidate,
    purpose: 'first',
    credential: 'spare',
    at: 1.2345,
    row: 7,
    firstByte: 200,
    firstContent: 210.5,
    ended: 480,
    outcome: 'ok',
    reason: null,
    ...changes,
  };
}
