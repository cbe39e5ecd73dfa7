import { script } from '../../redis/script.ts';
import { clockPart, countsPart, givePart, sumPart } from './parts.ts';

/**
 * Ends a take: sets the sums that have changed with it, gives its holds back and corrects its rates, in one step.
 * KEYS: epoch, leases, the hold, keys to collect, then a counter for each sum.
 * ARGV: tag, id, '1' when what became of the take was in doubt (then the id is remembered for a minute, so that a take that is still on
 * its way takes nothing), epoch, replica, sequence, number of actual amounts, those ('' = as taken), then two for each sum: amount, forget.
 * Answers 1, or 0 when the epoch is another one: then no sum was set.
 */
export const settleScript = script(`${clockPart}${countsPart}${givePart}${sumPart}
local tag, id, leases, hold = ARGV[1], ARGV[2], KEYS[2], KEYS[3]
local current = redis.call('HGET', KEYS[1], 'id') == ARGV[4]
local actuals = tonumber(ARGV[7])
-- Gives memory back first: a server without any lets a script go on that has begun to write.
local charges = give_back(tag, leases, id)
if charges then
  for i, charge in ipairs(charges) do
    local kind, key, actual = charge[1], charge[2], i <= actuals and ARGV[7 + i] or ''
    if actual ~= '' and kind ~= 'c' and kind ~= 'n' then
      local more = tonumber(actual) - tonumber(charge[3])
      if more ~= 0 and redis.call('EXISTS', key) == 1 then
        if kind == 'b' then
          local used, full = level(key, tonumber(charge[5]), tonumber(charge[6]), clock())
          -- A bucket that was full since would be as full without this call.
          if more > 0 or full <= charge[4] then used = math.max(0, used + more) end
          redis.call('HSET', key, 'v', exact(used), 'at', clock(), 'full', full)
        else
          local v = redis.call('HMGET', key, 'w', 'c', 'p')
          local age = tonumber(v[1]) - charge[4]
          if age == 0 then redis.call('HSET', key, 'c', whole(math.max(0, tonumber(v[2]) + more))) end
          if age == 1 then redis.call('HSET', key, 'p', whole(math.max(0, tonumber(v[3]) + more))) end
        end
      end
    end
  end
end
if ARGV[3] == '1' then redis.call('SET', hold, 'x', 'PX', 60000) end
if not current then return 0 end
local at = 8 + actuals
for i = 5, #KEYS do
  set_sum(KEYS[i], KEYS[4], ARGV[5], ARGV[6], ARGV[at], ARGV[at + 1])
  at = at + 2
end
return 1
`);
