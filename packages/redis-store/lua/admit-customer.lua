--[[ Admits a customer without spend, if it is among the first ones its key brought within the window. The
  window begins with the first one and ends by the key's expiry, so it runs on this server's clock.
  KEYS[1] the set of admitted customers, never larger than the limit
  ARGV[1] customer   ARGV[2] limit   ARGV[3] the window's length in ms
  Returns 1 admitted | 0 over the limit. ]]
if redis.call('SISMEMBER', KEYS[1], ARGV[1]) == 1 then return 1 end
local admitted = redis.call('SCARD', KEYS[1])
if admitted >= tonumber(ARGV[2]) then return 0 end
redis.call('SADD', KEYS[1], ARGV[1])
if admitted == 0 then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return 1
