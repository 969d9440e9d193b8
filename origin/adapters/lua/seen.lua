-- Which message ids were accepted before: two generations of a hash (id -> offset), so that forgetting the oldest costs
-- one RENAME. An id is remembered for 10 to 20 minutes, unless 5,000 newer ones come sooner.
--
-- head fields used: s bucket of the younger generation (unix seconds / 600) · n ids in it
local SEEN_MAX = 5000

local function rotate_seen(keys, h, bucket)
  if h.s >= bucket and h.n < SEEN_MAX then return end -- a slower clock must not rotate again
  local is_recent = h.n > 0 and h.s >= bucket - 1 and redis.call('EXISTS', keys.seen) == 1
  if is_recent then redis.call('RENAME', keys.seen, keys.seen_old)
  elseif h.s ~= 0 then redis.call('DEL', keys.seen, keys.seen_old) end
  -- A generation that ended for its size stays until the next but one bucket: were it pushed out when the running
  -- bucket ends, ids of a second ago would be forgotten.
  if h.s >= bucket then h.s = math.max(h.s, bucket + 1) else h.s = bucket end
  h.n, h.is_changed = 0, true
end

local function find_seen(keys, id)
  return redis.call('HGET', keys.seen, id) or redis.call('HGET', keys.seen_old, id)
end

local function remember(keys, h, id, offset)
  redis.call('HSET', keys.seen, id, offset)
  if h.n == 0 then redis.call('EXPIREAT', keys.seen, (h.s + 2) * 600) end
  h.n = h.n + 1
end
