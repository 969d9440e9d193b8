-- Puts one item into a mailbox: duplicate check, quotas, number, append, announce; one atomic step.
--
-- ARGV     5 expiry of the item (unix seconds, whole hour) · 6 seen bucket · 7 most items · 8 most bytes
--          9 most items of one sender · 10 sender · 11 id · 12 body
-- returns  outcome (0 queued, 1 known id, 2 mailbox full, 3 sender's share full), sequence number or 0
-- Announcement: the sequence number.
local keys = box_keys()
local expiry, bucket = tonumber(ARGV[5]), tonumber(ARGV[6])
local sender, id, body = ARGV[10], ARGV[11], ARGV[12]
local h = load_box(keys)
purge(keys, h)
rotate_seen(keys, h, bucket, math.huge, 0)

local function append()
  local is_new = h.c == 0
  h.q, h.c, h.b = h.q + 1, h.c + 1, h.b + #body
  redis.call('XADD', keys.box, h.q .. '-0', 'x', expiry, 's', sender, 'b', body)
  redis.call('HINCRBY', keys.from, sender, 1)
  for _, key in ipairs({ keys.box, keys.from }) do
    -- A key without an expiry counts as one that never ends, so GT alone would leave a new one without.
    if is_new then redis.call('EXPIREAT', key, expiry) else redis.call('EXPIREAT', key, expiry, 'GT') end
  end
  remember(keys, h, id, h.q, (h.s + 2) * 600)
  return h.q
end

local before = find_seen(keys, id)
local outcome, seq = 0, 0
if before then outcome, seq = 1, tonumber(before)
elseif h.c >= tonumber(ARGV[7]) or h.b + #body > tonumber(ARGV[8]) then outcome = 2
elseif tonumber(redis.call('HGET', keys.from, sender) or 0) >= tonumber(ARGV[9]) then outcome = 3
else seq = append() end
save_box(keys, h)
if outcome == 0 then redis.call('SPUBLISH', keys.topic, seq) end
return { outcome, seq }
