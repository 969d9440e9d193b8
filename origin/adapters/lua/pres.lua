-- Opening of the presence scripts. A member is here until the moment that is its score; nothing else removes anybody, so
-- that a node that dies leaves nobody behind. Moments are the server's own, and live as long as the presence does.
--
-- KEYS     1 members with the millisecond until which each is here · 2 topic
-- ARGV     1 run id of the server (unused: presence is not kept, so it needs no epoch)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
