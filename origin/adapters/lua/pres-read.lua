-- Who is here: how many, and who where that is not too many.
--
-- ARGV     2 most members to name
-- returns  count, milliseconds until the next one is gone unless it shows itself again (-1: nobody is here), the members
local count = redis.call('ZCARD', KEYS[1])
local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
local reply = { count, first[2] and math.ceil(tonumber(first[2]) - now) or -1 }
if count <= tonumber(ARGV[2]) then
  for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do reply[#reply + 1] = member end
end
return reply
