-- Lets a member go after a grace, in which it may show itself again unnoticed; announces it, so that another node on
-- which it is still here says so in time.
--
-- ARGV     2 grace in ms · 3 member
local till = now + tonumber(ARGV[2])
local before = redis.call('ZSCORE', KEYS[1], ARGV[3])
if before and tonumber(before) > till then
  redis.call('ZADD', KEYS[1], till, ARGV[3])
  redis.call('SPUBLISH', KEYS[2], '-' .. ARGV[3])
end
