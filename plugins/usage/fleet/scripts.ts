import { script } from '../../redis/script.ts';

const lastOf = `
  local function lastOf(stream)
    local info = redis.pcall('XINFO', 'STREAM', stream)
    if info.err then return '0-0' end
    for at = 1, #info, 2 do
      if info[at] == 'last-generated-id' then return info[at + 1] end
    end
    return '0-0'
  end
`;

/**
 * Keys: stream. Arguments: id of the newest entry as the caller knows it, entries to keep, then sequence, previous and row in turn.
 * Answers the id of the newest entry that is there; nothing is written when it is another than the caller says.
 */
export const publishScript = script(`${lastOf}
  local last = lastOf(KEYS[1])
  if last ~= ARGV[1] then return last end
  for at = 3, #ARGV, 3 do
    last = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], ARGV[at] .. '-0', 'p', ARGV[at + 1], 'r', ARGV[at + 2])
  end
  return last
`);

/**
 * Keys: stream, base, wanted, replicas. Arguments: replica, entries before this id are removed ('' for none). Says that the replica is here.
 * Answers the newest id, what the first entry has before it ('' without entries), the sequence of the base and the one wanted ('' for none).
 */
export const stateScript = script(`${lastOf}
  redis.call('ZADD', KEYS[4], redis.call('TIME')[1], ARGV[1])
  if ARGV[2] ~= '' then redis.call('XTRIM', KEYS[1], 'MINID', '~', ARGV[2]) end
  local first = ''
  local entries = redis.pcall('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)
  if not entries.err and entries[1] and entries[1][2][1] == 'p' then first = entries[1][2][2] end
  return { lastOf(KEYS[1]), first, redis.call('HGET', KEYS[2], 'sequence') or '', redis.call('HGET', KEYS[3], ARGV[1]) or '' }
`);

/** Keys: base, wanted. Arguments: replica, sequence, then the parts. The whole base is there at once. */
export const baseScript = script(`
  redis.call('DEL', KEYS[1])
  for at = 3, #ARGV do redis.call('HSET', KEYS[1], at - 3, ARGV[at]) end
  redis.call('HSET', KEYS[1], 'sequence', ARGV[2], 'parts', #ARGV - 2)
  redis.call('HDEL', KEYS[2], ARGV[1])
  return 1
`);
