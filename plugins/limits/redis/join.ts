import { script } from '../../redis/script.ts';
import { clockPart } from './parts.ts';

/** Milliseconds after which a replica that says nothing is not waited for. */
export const deadAfter = 30_000;

/**
 * A replica begins to set its sums. An epoch is the time in which the server has forgotten nothing: it ends when its key is gone
 * (FLUSHALL, an empty server) or was made by another server process (a restart, a failover: the newest writes may be lost).
 * KEYS: epoch, members. ARGV: replica, id for a new epoch, ms for which a new epoch stays closed at least, then two for each member
 * that this replica knows of: name, last seen (unix ms). Answers [epoch, generation of this replica's writes, now].
 */
export const joinScript = script(`${clockPart}
local now = clock()
local info = redis.pcall('INFO', 'server')
local run = type(info) == 'string' and string.match(info, 'run_id:(%x+)') or ''
local epoch = redis.call('HMGET', KEYS[1], 'id', 'run')
local id = epoch[1]
if not id or epoch[2] ~= run then
  id = ARGV[2]
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'id', id, 'run', run, 'open', '0', 'from', now + ARGV[3])
end
for i = 4, #ARGV, 2 do
  if now - ARGV[i + 1] < ${deadAfter} then redis.call('HSETNX', KEYS[2], 'a:' .. ARGV[i], ARGV[i + 1]) end
end
local generation = redis.call('HINCRBY', KEYS[2], 'g:' .. ARGV[1], 1)
redis.call('HSET', KEYS[2], 'a:' .. ARGV[1], now)
redis.call('HDEL', KEYS[2], 'c:' .. ARGV[1])
return {id, generation, now}
`);
