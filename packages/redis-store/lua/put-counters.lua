--[[ Writes counters' absolute values, each unless a newer version is there, so calls may repeat and reorder.
  As part of a pass it also moves the pass's mark, in the same atomic step: a Redis that loses the values
  loses the move. A mark that is not where it is expected stops the call before its first write.
  A state of an older epoch than that of the values is dropped: the copy that readers see is no longer
  counted into.
  KEYS[1] the bucket's state   KEYS[2] the pass's mark   KEYS[3..] the subject's hash of each counter
  ARGV[1] epoch                integer below 2^53
  ARGV[2] the mark expected    '' when this is no part of a pass, '*' for any
  ARGV[3] the mark to leave    '' when this is no part of a pass
  ARGV[4..] for each counter: field (period and stripe), version (integer below 2^53),
            spent (nano-USD, decimal text: Lua numbers are exact only to 2^53)
  Returns how many were written, or -1 when the mark was not the one expected. A field holds "version:spent". ]]
if ARGV[2] ~= '' and ARGV[2] ~= '*' and redis.call('GET', KEYS[2]) ~= ARGV[2] then return -1 end
local state = redis.call('GET', KEYS[1])
if state then
  local epoch = tonumber(string.match(state, '^%d+'))
  if epoch and epoch < tonumber(ARGV[1]) then redis.call('DEL', KEYS[1]) end
end
local written = 0
local arg = 4
for i = 3, #KEYS do
  local field, version = ARGV[arg], ARGV[arg + 1]
  local held = redis.call('HGET', KEYS[i], field)
  local known = held and tonumber(string.match(held, '^(%d+):'))
  if not known or known < tonumber(version) then
    redis.call('HSET', KEYS[i], field, version .. ':' .. ARGV[arg + 2])
    written = written + 1
  end
  arg = arg + 3
end
if ARGV[3] ~= '' then redis.call('SET', KEYS[2], ARGV[3]) end
return written
