import { script } from '../../redis/script.ts';
import { clockPart, countsPart, givePart } from './parts.ts';

/**
 * Takes all charges or none.
 * KEYS: epoch, leases, the hold, keys to collect, then a counter for each charge.
 * ARGV: tag, id, epoch ('' when no charge is of a calendar period), lease in ms, then five for each charge: kind and amount, and
 * - `c` calendar: limit - amount, start and end of the period (unix ms; end '' = never; start '' = whatever the clock says)
 * - `n` concurrent: limit - amount
 * - `f` fixed window, `s` sliding window, `b` token bucket: limit, window in ms
 * Answers ['ok', now, state…], ['refused', now, place, state], ['window', now] when the period is another one by this clock (a second
 * is left to calls on the border), ['epoch'] or ['closed'] when budgets cannot be asked, ['gone'] when the id was given up before.
 */
export const takeScript = script(`${clockPart}${givePart}${countsPart}
local tag, id, leases, hold = ARGV[1], ARGV[2], KEYS[2], KEYS[3]
local now = clock()
local known = redis.call('GET', hold)
if known then
  if known == 'x' then return {'gone'} end
  return cmsgpack.unpack(known)[1]
end
if ARGV[3] ~= '' then
  local epoch = redis.call('HMGET', KEYS[1], 'id', 'open')
  if epoch[1] ~= ARGV[3] then return {'epoch'} end
  if epoch[2] ~= '1' then return {'closed'} end
end
for _, each in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', now, 'LIMIT', 0, 16)) do give_back(tag, leases, each) end

local function fits(used, room)
  if string.sub(room, 1, 1) == '-' then return false end
  if string.sub(used, 1, 1) == '-' then return true end
  if #used ~= #room then return #used < #room end
  return used <= room
end

local count = #KEYS - 4
local found = {}
for i = 1, count do
  local at, key = 5 * i, KEYS[4 + i]
  local kind, amount, bound = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  if kind == 'c' or kind == 'n' then
    if kind == 'c' and ARGV[at + 3] ~= '' and (now < ARGV[at + 3] - 1000 or (ARGV[at + 4] ~= '' and now >= ARGV[at + 4] + 1000)) then
      return {'window', now}
    end
    local used = redis.call('HGET', key, 'u')
    found[i] = used
    if not fits(used or '0', bound) then
      return {'refused', now, i - 1, (used or '0') .. ':' .. (redis.call('HGET', key, 'h') or '0')}
    end
  elseif kind == 'b' then
    local limit, window = tonumber(bound), tonumber(ARGV[at + 3])
    local used, full = level(key, limit, window, now)
    found[i] = {used, full}
    if used + tonumber(amount) > slack(limit) then return {'refused', now, i - 1, exact(used)} end
  else
    local window = tonumber(ARGV[at + 3])
    local w, c, p, elapsed = counts(key, window, now)
    found[i] = {w, c, p, elapsed}
    local used = c
    if kind == 's' then used = c + p * (window - elapsed) / window end
    if used + tonumber(amount) > slack(tonumber(bound)) then
      return {'refused', now, i - 1, whole(c) .. ':' .. whole(p) .. ':' .. whole(elapsed)}
    end
  end
end

local reply, charges = {'ok', now}, {}
for i = 1, count do
  local at, key = 5 * i, KEYS[4 + i]
  local kind, amount, bound = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  if kind == 'c' or kind == 'n' then
    redis.call('HINCRBY', key, 'h', amount)
    -- At most the limit now, so a double holds it.
    reply[i + 2] = whole(redis.call('HINCRBY', key, 'u', amount))
    charges[i] = {kind, key, amount}
    if kind == 'c' and not found[i] then
      redis.call('ZADD', KEYS[4], ARGV[at + 4] == '' and now + 3456000000 or ARGV[at + 4] + 172800000, key)
    end
  elseif kind == 'b' then
    local used = found[i][1] + tonumber(amount)
    redis.call('HSET', key, 'v', exact(used), 'at', now, 'full', found[i][2])
    redis.call('PEXPIRE', key, 2 * ARGV[at + 3])
    reply[i + 2] = exact(used)
    charges[i] = {kind, key, amount, now, bound, ARGV[at + 3]}
  else
    local w, c, p, elapsed = unpack(found[i])
    c = c + tonumber(amount)
    redis.call('HSET', key, 'w', w, 'c', whole(c), 'p', whole(p))
    redis.call('PEXPIRE', key, 2 * ARGV[at + 3])
    reply[i + 2] = whole(c) .. ':' .. whole(p) .. ':' .. whole(elapsed)
    charges[i] = {kind, key, amount, w}
  end
end
redis.call('SET', hold, cmsgpack.pack({reply, charges}))
redis.call('ZADD', leases, now + ARGV[4], id)
return reply
`);
