import { script } from '../../redis/script.ts';
import { clockPart } from './parts.ts';

/**
 * Holds again what a call under way holds, without asking whether it fits: it was let in, and the server may have forgotten it.
 * KEYS: epoch, leases, the hold, keys to collect, then a counter for each charge. ARGV: id, epoch, lease in ms, then three for each
 * charge: kind (`c` or `n`), amount, forget.
 */
export const restoreScript = script(`${clockPart}
local now = clock()
if redis.call('HGET', KEYS[1], 'id') ~= ARGV[2] then return 0 end
if redis.call('EXISTS', KEYS[3]) == 1 then return 1 end
local charges = {}
for i = 5, #KEYS do
  local at = 4 + 3 * (i - 5)
  local kind, key, amount = ARGV[at], KEYS[i], ARGV[at + 1]
  redis.call('HINCRBY', key, 'h', amount)
  redis.call('HINCRBY', key, 'u', amount)
  if kind == 'c' then redis.call('ZADD', KEYS[4], ARGV[at + 2], key) end
  charges[i - 4] = {kind, key, amount}
end
redis.call('SET', KEYS[3], cmsgpack.pack({{'ok', now}, charges}))
redis.call('ZADD', KEYS[2], now + ARGV[3], ARGV[1])
return 1
`);
