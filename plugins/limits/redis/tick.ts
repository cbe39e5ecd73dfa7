import { script } from '../../redis/script.ts';
import { deadAfter } from './join.ts';
import { clockPart, givePart } from './parts.ts';

/**
 * A replica says that it lives and, once, that all its sums are set; the epoch opens when that holds for every replica that lives.
 * Ends leases that are over and removes counters of periods long past, some at a time.
 * KEYS: epoch, members, leases, keys to collect. ARGV: tag, replica, epoch, '1' when its sums are set.
 * Answers [now, '1' when the epoch is the one given, '1' when it is open, replicas that are waited for, member, last seen…].
 */
export const tickScript = script(`${clockPart}${givePart}
local now = clock()
local tag, replica, members = ARGV[1], ARGV[2], KEYS[2]
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now, 'LIMIT', 0, 100)) do give_back(tag, KEYS[3], id) end
for _, key in ipairs(redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', now, 'LIMIT', 0, 100)) do
  redis.call('DEL', key)
  redis.call('ZREM', KEYS[4], key)
end
local epoch = redis.call('HMGET', KEYS[1], 'id', 'open', 'from')
if epoch[1] ~= ARGV[3] then return {now, '0', '0', 0} end
redis.call('HSET', members, 'a:' .. replica, now)
if ARGV[4] == '1' then redis.call('HSET', members, 'c:' .. replica, ARGV[3]) end
local seen, complete, list = {}, {}, {}
local all = redis.call('HGETALL', members)
for i = 1, #all, 2 do
  local kind, name = string.sub(all[i], 1, 2), string.sub(all[i], 3)
  if kind == 'a:' then seen[name] = tonumber(all[i + 1]) end
  if kind == 'c:' then complete[name] = all[i + 1] end
end
local waiting = 0
for name, at in pairs(seen) do
  if now - at < ${deadAfter} then
    list[#list + 1] = name
    list[#list + 1] = string.format('%.0f', at)
    if complete[name] ~= ARGV[3] then waiting = waiting + 1 end
  elseif now - at > 34560000000 then
    redis.call('HDEL', members, 'a:' .. name, 'c:' .. name, 'g:' .. name)
  end
end
local open = epoch[2]
if open ~= '1' and waiting == 0 and now >= tonumber(epoch[3]) then
  open = '1'
  redis.call('HSET', KEYS[1], 'open', '1')
end
return {now, '1', open, waiting, unpack(list)}
`);

/** A replica ends: nobody waits for it. KEYS: members. ARGV: replica. */
export const leaveScript = script(`return redis.call('HDEL', KEYS[1], 'a:' .. ARGV[1], 'c:' .. ARGV[1])`);
