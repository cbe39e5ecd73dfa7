import { script } from '../../redis/script.ts';
import { sumPart } from './parts.ts';

/**
 * Sets what this replica's ledger has spent.
 * KEYS: epoch, keys to collect, counters. ARGV: epoch, replica, sequence, then two for each counter: amount, forget.
 * Answers 1, or 0 when the epoch is another one: then nothing was set.
 */
export const pushScript = script(`${sumPart}
if redis.call('HGET', KEYS[1], 'id') ~= ARGV[1] then return 0 end
for i = 3, #KEYS do set_sum(KEYS[i], KEYS[2], ARGV[2], ARGV[3], ARGV[2 * i - 2], ARGV[2 * i - 1]) end
return 1
`);
