import { script } from '../../redis/script.ts';
import { clockPart, countsPart } from './parts.ts';

/**
 * Where counters stand. KEYS: counters. ARGV: three for each: kind as in take, limit, window in ms.
 * Answers [now, state…]: of `c` and `n` 'used and held:held', of the others as in take.
 */
export const readScript = script(`${clockPart}${countsPart}
local now = clock()
local reply = {now}
for i, key in ipairs(KEYS) do
  local kind, limit, window = ARGV[3 * i - 2], tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i])
  if kind == 'c' or kind == 'n' then
    local v = redis.call('HMGET', key, 'u', 'h')
    reply[i + 1] = (v[1] or '0') .. ':' .. (v[2] or '0')
  elseif kind == 'b' then
    reply[i + 1] = exact((level(key, limit, window, now)))
  else
    local _, c, p, elapsed = counts(key, window, now)
    reply[i + 1] = whole(c) .. ':' .. whole(p) .. ':' .. whole(elapsed)
  end
end
return reply
`);
