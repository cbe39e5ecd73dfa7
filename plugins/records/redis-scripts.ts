// What Redis does in one step with the documents of all replicas. Keys of every script, in order:
//   1 meta      hash: `epoch` (random, from the first write on), `sequence` (of the newest change), `pruned` (of the newest removal forgotten)
//   2 sealed    hash: `<collection>:<id>` -> `<version>:<token><sealed bytes>`, or `<version>-<token>` for a document that was removed
//   3 changes   sorted set: `<collection>:<id>` by the sequence of its newest change
//   4 removed   sorted set: `<collection>:<id>` of removed documents, by the time of the removal (unix seconds)
// Versions and sequences are whole numbers far below 2^53, which Lua's doubles hold exactly.

/** Seconds a removal is remembered. A process that has not asked for longer compares everything instead. */
export const removalKept = 86_400;

/** Bytes of one document that are read; longer ones were not written by a gateway. */
const longest = 1_048_576;

const shared = `
  local function versionOf(value)
    if not value then return 0 end
    return tonumber(string.match(value, '^(%d+)[:-]')) or -1
  end
  local function put(field, value)
    local sequence = redis.call('HINCRBY', KEYS[1], 'sequence', 1)
    redis.call('HSET', KEYS[2], field, value)
    redis.call('ZADD', KEYS[3], sequence, field)
    if string.match(value, '^%d+-') then
      redis.call('ZADD', KEYS[4], redis.call('TIME')[1], field)
    else
      redis.call('ZREM', KEYS[4], field)
    end
  end
`;

/**
 * Arguments: epoch for an empty store, field, version, value, removals older than this many seconds are forgotten. Answers the
 * version that is there then: the one given when it was written, now or by an earlier delivery of the same command.
 */
export const writeScript = `${shared}
  local version = tonumber(ARGV[3])
  local current = redis.call('HGET', KEYS[2], ARGV[2])
  local have = versionOf(current)
  if have ~= version - 1 then
    if current == ARGV[4] then return have end
    return -1
  end
  redis.call('HSETNX', KEYS[1], 'epoch', ARGV[1])
  put(ARGV[2], ARGV[4])
  local before = tonumber(redis.call('TIME')[1]) - tonumber(ARGV[5])
  for _, field in ipairs(redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', before, 'LIMIT', 0, 100)) do
    local sequence = redis.call('ZSCORE', KEYS[3], field)
    if sequence and tonumber(sequence) > tonumber(redis.call('HGET', KEYS[1], 'pruned') or '0') then
      redis.call('HSET', KEYS[1], 'pruned', sequence)
    end
    redis.call('HDEL', KEYS[2], field)
    redis.call('ZREM', KEYS[3], field)
    redis.call('ZREM', KEYS[4], field)
  end
  return version
`;

/**
 * Arguments: epoch for an empty store, `1` for a store that was begun anew, then field, version and value in turn. Puts back what is
 * newer than what is there, and of the same version removals, and in a store that was begun anew everything; answers how many.
 */
export const restoreScript = `${shared}
  redis.call('HSETNX', KEYS[1], 'epoch', ARGV[1])
  local restored = 0
  for at = 3, #ARGV, 3 do
    local current = redis.call('HGET', KEYS[2], ARGV[at])
    local newer = tonumber(ARGV[at + 1]) - versionOf(current)
    local stands = ARGV[2] == '1' or (string.match(ARGV[at + 2], '^%d+-') and not string.match(current or '', '^%d+-'))
    if newer > 0 or (newer == 0 and current ~= ARGV[at + 2] and stands) then
      put(ARGV[at], ARGV[at + 2])
      restored = restored + 1
    end
  end
  return restored
`;

/**
 * Arguments: a sequence, how many changes at most. Answers epoch, sequence, pruned, then field, sequence and value of each change
 * after that sequence, in their order. One look at a hash when there is none.
 */
export const changesScript = `
  local meta = redis.call('HMGET', KEYS[1], 'epoch', 'sequence', 'pruned')
  local answer = { meta[1] or '', meta[2] or '0', meta[3] or '0' }
  if answer[2] == ARGV[1] then return answer end
  local found = redis.call('ZRANGEBYSCORE', KEYS[3], '(' .. ARGV[1], '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[2])
  for at = 1, #found, 2 do
    local value = ''
    if redis.call('HSTRLEN', KEYS[2], found[at]) <= ${longest} then value = redis.call('HGET', KEYS[2], found[at]) or '' end
    answer[#answer + 1] = found[at]
    answer[#answer + 1] = found[at + 1]
    answer[#answer + 1] = value
  end
  return answer
`;
