-- Makes the caller's connection the newest of a device: it alone may ack from now on.
--
-- returns  epoch, fence
-- Announcement: "f<fence>", by which an older connection learns that it is superseded.
local keys = box_keys()
local h = load_box(keys)
h.fence = h.fence + 1
save_box(keys, h)
redis.call('SPUBLISH', keys.topic, 'f' .. h.fence)
return { h.e, h.fence }
