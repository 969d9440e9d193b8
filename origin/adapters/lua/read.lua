-- Reads one page of a channel's log, with its head, as one atomic step.
--
-- KEYS     life (life.lua), head, log, seen, seen-old
-- ARGV     1 server run id · 2 random text (life.lua) · 3 expiry of logs · 4 expiry of heads (unix seconds, whole hours)
--          5 this hour and 6 a mark of age (not used here) · 7 epoch the reader holds ('' reads only the head)
--          8 offset the reader holds · 9 most publications · 10 most bytes in the page
-- returns  epoch, head offset, gap ('' | 'trimmed' | 'epoch'), offset before the first body, then the bodies
local keys = { head = KEYS[2], log = KEYS[3], seen = KEYS[4], seen_old = KEYS[5] }
local h = load_head(keys)
if h.is_new then save_head(keys, h, tonumber(ARGV[3]), tonumber(ARGV[4])) end

local hour, epoch, from = tonumber(ARGV[5]), ARGV[7], tonumber(ARGV[8])
local max_count, max_bytes = tonumber(ARGV[9]), tonumber(ARGV[10])
if epoch == '' then return { h.e, h.o, '', h.o } end

local gap = ''
-- An offset beyond the head was never given out by this life of the stream.
if epoch ~= h.e or from > h.o then gap, from = 'epoch', 0 end
if from == h.o then return { h.e, h.o, gap, from } end

local STEP = 16 -- entries of 64 KiB must not be fetched by the hundred only to be left out
-- What is too old waits for the next publication to be trimmed, and is told to nobody meanwhile.
local page, bytes, at = { h.e, h.o, gap, h.o }, 0, math.max(from, live_from(h, hour) - 1)
while #page - 4 < max_count and bytes < max_bytes do
  local entries = redis.call('XRANGE', keys.log, (at + 1) .. '-0', '+', 'COUNT', math.min(STEP, max_count - #page + 4))
  if #entries == 0 then break end
  if #page == 4 then
    local first = tonumber(string.match(entries[1][1], '^%d+'))
    if first > from + 1 and gap == '' then page[3] = 'trimmed' end
    page[4], at = first - 1, first - 1
  end
  for i = 1, #entries do
    local body = entries[i][2][2]
    if #page > 4 and bytes + #body > max_bytes then return page end
    bytes, at = bytes + #body, at + 1
    page[#page + 1] = body
  end
end
if #page == 4 and gap == '' then page[3] = 'trimmed' end -- the log expired, its head did not
return page
