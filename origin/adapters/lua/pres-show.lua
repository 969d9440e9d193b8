-- Says that members are here, and announces it when one is new; one atomic step.
--
-- ARGV     2 life in ms · 3 most members · then the members
-- returns  the members there was no room for
local life, most = tonumber(ARGV[2]), tonumber(ARGV[3])
local count = redis.call('ZCARD', KEYS[1])
local is_new, refused = false, {}
for i = 4, #ARGV do
  local is_here = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if is_here or count < most then
    redis.call('ZADD', KEYS[1], 'GT', now + life, ARGV[i])
    if not is_here then count, is_new = count + 1, true end
  else
    refused[#refused + 1] = ARGV[i]
  end
end
if redis.call('PTTL', KEYS[1]) < life then redis.call('PEXPIRE', KEYS[1], life) end
if is_new then redis.call('SPUBLISH', KEYS[2], '+') end
return refused
