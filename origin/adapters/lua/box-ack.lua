-- Deletes acked items, if the caller owns the mailbox and nothing was lost since it attached.
--
-- ARGV     5 epoch · 6 fence · then pairs of sequence numbers: first, last
-- returns  number of items deleted, -1 for a superseded connection, or -2 when the epoch is over
local keys = box_keys()
local h = load_box(keys)
local deleted = h.e == ARGV[5] and -1 or -2
if deleted == -1 and h.own == tonumber(ARGV[6]) then
  deleted = 0
  for i = 7, #ARGV, 2 do
    for _, entry in ipairs(redis.call('XRANGE', keys.box, ARGV[i] .. '-0', ARGV[i + 1] .. '-0')) do
      remove(keys, h, entry)
      deleted = deleted + 1
    end
  end
end
save_box(keys, h)
return deleted
