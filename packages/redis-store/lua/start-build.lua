--[[ Begins the build of a bucket, unless the state is another one than its builder saw: then someone else
  has built it meanwhile. A state that is absent, malformed or for another bucket count may be replaced.
  KEYS[1] the bucket's state   KEYS[2] the build's mark
  ARGV[1] epoch and ARGV[2] cursor of the state seen, decimal text; both '' when there was none
  ARGV[3] bucket count         ARGV[4] the mark to leave, at position 0
  Returns 1 begun | 0 someone else was faster. ]]
local state = redis.call('GET', KEYS[1])
if state then
  local epoch, cursor, buckets = string.match(state, '^(%d+) (%d+) %d+ (%d+) %d+$')
  if epoch and buckets == ARGV[3] and (epoch ~= ARGV[1] or cursor ~= ARGV[2]) then return 0 end
  redis.call('DEL', KEYS[1])
end
redis.call('SET', KEYS[2], ARGV[4])
return 1
