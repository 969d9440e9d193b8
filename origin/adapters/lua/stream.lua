-- Shared opening of publish.lua and read.lua: the head of one channel's stream.
--
-- head (hash): e epoch · o offset of the newest publication · f offset of the oldest one in the log · b bytes in the log
--              c offset of the last conditional publication, 0 for none · run life of the partition · s seen bucket
--              n ids in `seen` · l newest offset of the ids in `seenold` · x expiry of the log (unix seconds, a whole hour)
--              m marks of age
--
-- Marks of age: "<until> <offset>[ <until> <offset>…]", the oldest first: publications from this offset up to the next mark's live
-- until then (unix seconds, whole hours). A log that is written to never expires as a whole; by these its oldest part does.
--
-- A head of another life (life.lua) may be older than what clients were told, so the stream begins anew: new epoch,
-- empty log, no ids.
local function load_head(keys)
  local v = redis.call('HMGET', keys.head, 'e', 'o', 'f', 'b', 'run', 's', 'n', 'x', 'c', 'm', 'l')
  if v[1] and v[5] == LIFE then
    return {
      e = v[1], o = tonumber(v[2]), f = tonumber(v[3]), b = tonumber(v[4]),
      s = tonumber(v[6]), n = tonumber(v[7]), x = tonumber(v[8]), commit = tonumber(v[9] or 0),
      m = v[10] or '', l = tonumber(v[11] or 0),
    }
  end
  redis.call('DEL', keys.log, keys.seen, keys.seen_old)
  return { e = FRESH_EPOCH, o = 0, f = 1, b = 0, s = 0, n = 0, x = 0, commit = 0, m = '', l = 0, is_new = true }
end

local function save_head(keys, h, log_expiry, head_expiry)
  local expiry = math.max(h.x, log_expiry)
  redis.call('HSET', keys.head, 'e', h.e, 'o', h.o, 'f', h.f, 'b', h.b, 'run', LIFE, 's', h.s, 'n', h.n, 'x', expiry,
    'c', h.commit, 'm', h.m, 'l', h.l)
  if h.x < log_expiry then
    redis.call('EXPIREAT', keys.head, head_expiry)
    redis.call('EXPIREAT', keys.log, log_expiry)
    redis.call('EXPIREAT', keys.seen, log_expiry)
    h.x = log_expiry
  end
end

-- The oldest offset that is not too old.
local function live_from(h, hour)
  local first, marks = h.f, h.m
  while true do
    local live_until, rest, next_offset = string.match(marks, '^(%d+) %d+ (%d+ (%d+).*)$')
    if not live_until or tonumber(live_until) > hour then return first end
    marks, first = rest, math.max(first, tonumber(next_offset))
  end
end

-- The next publication lives until `mark`.
local function mark_age(h, mark)
  if string.match(h.m, '(%d+) %d+$') == mark then return end
  h.m = (h.m == '' and '' or h.m .. ' ') .. mark .. ' ' .. (h.o + 1)
end

-- Forgets the marks of what is no longer in the log.
local function drop_marks(h)
  while true do
    local rest, next_offset = string.match(h.m, '^%d+ %d+ (%d+ (%d+).*)$')
    if not rest or tonumber(next_offset) > h.f then return end
    h.m = rest
  end
end
