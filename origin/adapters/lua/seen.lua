-- Which message ids were accepted before: two generations of a hash (id -> offset), so that forgetting the oldest costs
-- one RENAME. An id is remembered for 10 to 20 minutes, unless 5,000 newer ones come sooner, and in any case while what it
-- names is still kept.
--
-- head fields used: s bucket of the younger generation (unix seconds / 600) · n ids in it · l newest offset of the older one
local SEEN_MAX = 5000

-- Begins a new generation when it is time. What has an offset from `kept_from` on is still kept; `newest` is the last one given.
local function rotate_seen(keys, h, bucket, kept_from, newest)
  local is_older_needed = h.l >= kept_from
  if h.s >= bucket and (h.n < SEEN_MAX or is_older_needed) then return end -- a slower clock must not rotate again
  h.is_changed = true
  if is_older_needed then h.s = bucket return end
  local is_needed = h.n > 0 and (h.s >= bucket - 1 or newest >= kept_from) and redis.call('EXISTS', keys.seen) == 1
  if is_needed then redis.call('RENAME', keys.seen, keys.seen_old)
  elseif h.s ~= 0 then redis.call('DEL', keys.seen, keys.seen_old) end
  -- A generation that ended for its size stays until the next but one bucket: were it pushed out when the running
  -- bucket ends, ids of a second ago would be forgotten.
  if h.s >= bucket then h.s = math.max(h.s, bucket + 1) else h.s = bucket end
  h.n, h.l = 0, newest
end

local function find_seen(keys, id)
  return redis.call('HGET', keys.seen, id) or redis.call('HGET', keys.seen_old, id)
end

local function remember(keys, h, id, offset, expiry)
  redis.call('HSET', keys.seen, id, offset)
  if h.n == 0 then redis.call('EXPIREAT', keys.seen, expiry) end
  h.n = h.n + 1
end
