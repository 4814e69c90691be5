--[[ Sets a bucket's state after a sweep, if the state is still the one the sweep began from and its mark is
  where the sweep left it. Cursors may exceed 2^53, so they are compared as text.
  KEYS[1] the bucket's state   KEYS[2] the sweep's mark
  ARGV[1] epoch and ARGV[2] cursor the sweep began from, decimal text   ARGV[3] the bucket count of both
  ARGV[4] the sweep's mark     '' when the sweep wrote nothing to this bucket
  ARGV[5] epoch, ARGV[6] cursor, ARGV[7] rules version to set, decimal text
  Returns 1 set | 0 not the same any more. The state holds "epoch cursor rules buckets at", at in ms of
  this server's clock. ]]
local state = redis.call('GET', KEYS[1])
if not state then return 0 end
local epoch, cursor, buckets = string.match(state, '^(%d+) (%d+) %d+ (%d+) %d+$')
if epoch ~= ARGV[1] or cursor ~= ARGV[2] or buckets ~= ARGV[3] then return 0 end
if ARGV[4] ~= '' and redis.call('GET', KEYS[2]) ~= ARGV[4] then return 0 end
local time = redis.call('TIME')
local at = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
redis.call('SET', KEYS[1], table.concat({ ARGV[5], ARGV[6], ARGV[7], ARGV[3], at }, ' '))
if ARGV[4] ~= '' then redis.call('DEL', KEYS[2]) end
return 1
