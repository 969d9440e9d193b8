-- Accepts publications for channels of one partition: duplicate check, offset, append, announce; one atomic step.
--
-- KEYS     1 life (life.lua), then five for each channel: head, log, seen, seen-old, shard channel of the announcement
-- ARGV     1 server run id · 2 random text (life.lua) · 3 expiry of logs · 4 expiry of heads (unix seconds, whole hours)
--          5 this hour and 6 the mark of age (stream.lua) of what is published now (unix seconds, whole hours)
--          7 seen bucket (unix seconds / 600) · 8 most publications in a log · 9 most bytes in a log
--          then for each message: index of its channel (from 1), message id, body, condition ("" or "<epoch> <offset>")
-- returns  for each message three values: epoch, offset, outcome (0 accepted, 1 known id, 2 condition not met; then the
--          offset is that of the last conditional publication, 0 when this epoch has none)
--
-- Announcement: "<epoch> <offset of the first>\n<body>[\n<body>…]", one for each channel; bodies hold no newline.
local TRIM = 32        -- trimmed in steps, so that a full log does not cost a read for every append
local TRIM_STEPS = 8   -- what grew old together goes in several calls: none may hold Redis for long

local log_expiry, head_expiry, hour, mark = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]
local bucket, max_count, max_bytes = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])

local function is_over(h, live_from)
  return h.o - h.f + 1 > max_count or h.b > max_bytes or h.f < live_from
end

local function trim(keys, h, live_from)
  local steps = 0
  while h.o >= h.f and is_over(h, live_from) and steps < TRIM_STEPS do
    steps = steps + 1
    local oldest = redis.call('XRANGE', keys.log, '-', '+', 'COUNT', TRIM)
    if #oldest == 0 then h.f, h.b = h.o + 1, 0 return end
    local gone = 0
    for i = 1, #oldest do
      if h.o - h.f + 1 <= max_count - TRIM and h.b <= max_bytes and h.f >= live_from then break end
      h.b = h.b - #oldest[i][2][2]
      h.f = h.f + 1
      gone = i
    end
    redis.call('XTRIM', keys.log, 'MINID', h.f .. '-0')
    if gone < #oldest then return end
  end
end

local channels, results = {}, {}
for i = 1, (#KEYS - 1) / 5 do
  local k = (i - 1) * 5 + 1
  local keys = { head = KEYS[k + 1], log = KEYS[k + 2], seen = KEYS[k + 3], seen_old = KEYS[k + 4] }
  local h = load_head(keys)
  -- A log that expired leaves its head behind: count its bytes and its first offset anew.
  if h.o >= h.f and redis.call('EXISTS', keys.log) == 0 then h.f, h.b, h.m = h.o + 1, 0, '' end
  rotate_seen(keys, h, bucket, h.f, h.o)
  channels[i] = { keys = keys, h = h, topic = KEYS[k + 5], first = h.o + 1, is_log_new = h.f == h.o + 1, bodies = {} }
end

for m = 10, #ARGV, 4 do
  local c = channels[tonumber(ARGV[m])]
  local id, body, condition, h, keys = ARGV[m + 1], ARGV[m + 2], ARGV[m + 3], c.h, c.keys
  local before = find_seen(keys, id)
  local at = #results
  results[at + 1] = h.e
  if before then
    results[at + 2], results[at + 3] = tonumber(before), 1
  elseif condition ~= '' and condition ~= h.e .. ' ' .. h.commit then
    results[at + 2], results[at + 3] = h.commit, 2
  else
    mark_age(h, mark)
    h.o = h.o + 1
    redis.call('XADD', keys.log, h.o .. '-0', 'b', body)
    remember(keys, h, id, h.o, math.max(h.x, log_expiry))
    h.b = h.b + #body
    if condition ~= '' then h.commit = h.o end
    c.bodies[#c.bodies + 1] = body
    results[at + 2], results[at + 3] = h.o, 0
  end
end

for i = 1, #channels do
  local c = channels[i]
  if #c.bodies > 0 then
    trim(c.keys, c.h, live_from(c.h, hour))
    drop_marks(c.h)
    if c.is_log_new then c.h.x = 0 end -- a new key has no expiry yet
    save_head(c.keys, c.h, log_expiry, head_expiry)
    redis.call('SPUBLISH', c.topic, c.h.e .. ' ' .. c.first .. '\n' .. table.concat(c.bodies, '\n'))
  elseif c.h.is_new or c.h.is_changed then
    save_head(c.keys, c.h, log_expiry, head_expiry)
  end
end
return results
