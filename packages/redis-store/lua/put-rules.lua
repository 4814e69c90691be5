--[[ Publishes rules: writes their text unless a newer version is there, and tells the subscribers.
  PostgreSQL that went back gives version numbers out again; an epoch newer than the one held says so, and
  then a lower version is written too.
  KEYS[1] the rules
  ARGV[1] version and ARGV[2] epoch, integers below 2^53; epoch 0 for "that of the rules held"
  ARGV[3] text   ARGV[4] channel; the message is the version
  Returns 1 written | 0 the same or a newer version is there. ]]
local held = redis.call('HMGET', KEYS[1], 'version', 'epoch', 'text')
local version, epoch = tonumber(held[1] or '') or -1, tonumber(held[2] or '') or 0
local asked = tonumber(ARGV[2])
local newer = asked > epoch or tonumber(ARGV[1]) > version
if asked ~= 0 and asked < epoch then newer = false end
if held[3] and not newer then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[1], 'text', ARGV[3], 'epoch', string.format('%.0f', math.max(asked, epoch)))
redis.call('PUBLISH', ARGV[4], ARGV[1])
return 1
