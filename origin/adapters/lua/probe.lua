-- Announces on a topic, by the way that publications take.
--
-- KEYS     1 life (life.lua) · 2 topic
-- ARGV     1 server run id · 2 random text (life.lua)
redis.call('SPUBLISH', KEYS[2], '')
