-- Reads one page of a mailbox, oldest first.
--
-- ARGV     5 read after this sequence number · 6 most items · 7 most bytes
-- returns  epoch, then for each item its sequence number and its body
local STEP = 16
local keys = box_keys()
local h = load_box(keys)
purge(keys, h)
save_box(keys, h)

local at, max_count, max_bytes = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local page, count, bytes = { h.e }, 0, 0
while count < max_count do
  local entries = redis.call('XRANGE', keys.box, (at + 1) .. '-0', '+', 'COUNT', math.min(STEP, max_count - count))
  if #entries == 0 then break end
  for _, entry in ipairs(entries) do
    local body = entry[2][6]
    if count > 0 and bytes + #body > max_bytes then return page end
    at = tonumber(string.match(entry[1], '^%d+'))
    count, bytes = count + 1, bytes + #body
    page[#page + 1], page[#page + 2] = at, body
  end
end
return page
