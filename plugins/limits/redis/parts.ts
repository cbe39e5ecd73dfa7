// Lua that several scripts share. A script runs by itself on the server, so what it does is atomic; TIME is the server's clock at its
// beginning. Amounts of money stay decimal strings and are added by HINCRBY (64-bit integers): Lua's numbers are doubles.

/** Unix milliseconds. */
export const clockPart = `
local function clock()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
`;

/**
 * give_back(id): ends a hold, by its settlement or because its lease is over. A counter is a hash: \`t\` what is spent, \`h\` what is
 * held, \`u\` both. One that has lost its holds (the server forgot it) keeps what it has. Returns the charges of the hold, or nil.
 */
export const givePart = `
local function give_back(tag, leases, id)
  redis.call('ZREM', leases, id)
  local hold = tag .. ':lim:h:' .. id
  local packed = redis.call('GET', hold)
  if not packed or packed == 'x' then return nil end
  redis.call('DEL', hold)
  local charges = cmsgpack.unpack(packed)[2]
  for _, charge in ipairs(charges) do
    local kind, key, amount = charge[1], charge[2], charge[3]
    if (kind == 'c' or kind == 'n') and amount ~= '0' and redis.call('HEXISTS', key, 'u') == 1 then
      redis.call('HINCRBY', key, 'u', '-' .. amount)
      local held = redis.call('HINCRBY', key, 'h', '-' .. amount)
      if kind == 'n' and held <= 0 then redis.call('DEL', key) end
    end
  end
  return charges
end
`;

/**
 * counts(key, window, now): index of the window, what was counted in it and in the one before, milliseconds since it began.
 * A clock that has stepped back by less than a window goes on in the window it had reached. level(key, limit, window, now): what is
 * missing of a full bucket, and when it was last seen full. slack(limit): parts of windows are no integers.
 */
export const countsPart = `
local function counts(key, window, now)
  local v = redis.call('HMGET', key, 'w', 'c', 'p')
  local w = math.floor(now / window)
  local seen = tonumber(v[1] or -2)
  if seen == w + 1 then return seen, tonumber(v[2]), tonumber(v[3]), 0 end
  if seen == w then return w, tonumber(v[2]), tonumber(v[3]), now - w * window end
  if seen == w - 1 then return w, 0, tonumber(v[2]), now - w * window end
  return w, 0, 0, now - w * window
end
local function level(key, limit, window, now)
  local v = redis.call('HMGET', key, 'v', 'at', 'full')
  local missing, at, full = tonumber(v[1] or 0), tonumber(v[2] or now), tonumber(v[3] or 0)
  missing = missing - math.max(0, now - at) * limit / window
  if missing > 0 then return missing, full end
  return 0, now
end
local function slack(limit) return limit + 1e-9 + limit * 1e-12 end
local function exact(n) return string.format('%.17g', n) end
local function whole(n) return string.format('%.0f', n) end
`;

/**
 * set_sum(...): what one replica's ledger has spent, absolute. \`q\` orders the writes of a replica, so an older one changes nothing.
 * \`forget\`: unix milliseconds from which the counter may be removed.
 */
export const sumPart = `
local function set_sum(key, collect, replica, sequence, amount, forget)
  local was = redis.call('HMGET', key, 'q:' .. replica, 's:' .. replica, 'u')
  if was[1] and was[1] >= sequence then return end
  redis.call('HSET', key, 'q:' .. replica, sequence, 's:' .. replica, amount)
  redis.call('HINCRBY', key, 't', amount)
  redis.call('HINCRBY', key, 'u', amount)
  if was[2] and was[2] ~= '0' then
    redis.call('HINCRBY', key, 't', '-' .. was[2])
    redis.call('HINCRBY', key, 'u', '-' .. was[2])
  end
  redis.call('ZADD', collect, forget, key)
end
`;
