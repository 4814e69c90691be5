--[[ Makes a bucket whole, if the build's mark is at its last position.
  KEYS[1] the bucket's state   KEYS[2] the build's mark
  ARGV[1] the mark expected
  ARGV[2] epoch, ARGV[3] cursor, ARGV[4] rules version, ARGV[5] bucket count to set, decimal text
  Returns 1 set | 0 the build was displaced or Redis lost part of it. The state holds
  "epoch cursor rules buckets at", at in ms of this server's clock. ]]
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
local time = redis.call('TIME')
local at = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
redis.call('SET', KEYS[1], table.concat({ ARGV[2], ARGV[3], ARGV[4], ARGV[5], at }, ' '))
redis.call('DEL', KEYS[2])
return 1
