-- Makes the caller's connection the owner of a mailbox: it alone may ack from now on.
--
-- ARGV     5 '' for a connection that is the device's newest; else the fence it holds from an epoch that is over: it
--          goes on with that one, unless a newer connection has the mailbox already
-- returns  epoch, fence; fence 0 when a newer connection has it
-- Announcement: "f<fence>", by which an older connection learns that it is superseded.
local keys = box_keys()
local h = load_box(keys)
local held = tonumber(ARGV[5])
-- Whoever attached in this epoch is newer than everybody of the one before, whatever the numbers say.
local is_refused = held ~= nil and (h.anew == 1 or held < h.own)
if held == nil then
  h.fence = h.fence + 1
  h.own, h.anew = h.fence, 1
elseif not is_refused then
  h.own, h.fence = held, math.max(h.fence, held)
end
save_box(keys, h)
if is_refused then return { h.e, 0 } end
redis.call('SPUBLISH', keys.topic, 'f' .. h.own)
return { h.e, h.own }
