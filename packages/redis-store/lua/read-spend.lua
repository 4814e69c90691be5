--[[ Reads subjects of one bucket and the bucket's state as of one instant: in separate commands a rebuild or
  a wipe between them could make lost counters look like unspent ones.
  KEYS[1] the bucket's state   KEYS[2..] the subjects' hashes
  ARGV[2i-3], ARGV[2i-2] for KEYS[i]: the period, and how many stripes its counter has
  Returns { state, this server's clock in s and us, then for each subject its field or the list of its
  stripes' fields }; false (nil) where there is none, an error where the key is no hash: it is that
  subject's alone, since calls of many checks share one reply. ]]
local time = redis.call('TIME')
local reply = { redis.call('GET', KEYS[1]), time[1], time[2] }
for i = 2, #KEYS do
  local period, stripes = ARGV[2 * i - 3], ARGV[2 * i - 2]
  if stripes == '1' then
    reply[i + 2] = redis.pcall('HGET', KEYS[i], period)
  else
    local fields = { period }
    for stripe = 1, stripes - 1 do fields[stripe + 1] = period .. '/' .. stripe end
    reply[i + 2] = redis.pcall('HMGET', KEYS[i], unpack(fields))
  end
end
return reply
