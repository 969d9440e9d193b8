-- Shared opening of the mailbox scripts: the head of one device's mailbox, and removing what has expired.
--
-- KEYS of every mailbox script: life (life.lua), head, box, seen, seen-old, from, topic
-- ARGV of every mailbox script: 1 server run id · 2 random text (life.lua) · 3 now · 4 expiry of the head (unix seconds, whole hours)
--
-- head (hash): e epoch · run life of the partition · q sequence number of the newest item · c items · b bytes
--              fence highest number given to a connection · own number of the connection that owns the mailbox, 0 for none
--              anew 1 when it attached in this epoch, 0 when it claimed the mailbox from the one before
--              s, n as in seen.lua · x expiry of the head (unix seconds)
-- box (stream): id = sequence number, x expiry hour (unix seconds), s sender, b body · from (hash): sender -> items
--
-- A head of another life (life.lua) means that the newest writes may be lost: the epoch changes, so that the device is
-- told and acks given under the old epoch delete nothing. What is still there stays and is delivered, and ids seen stay
-- seen: a store loses the end of its history, never the middle, so what it knows of it is true. Nobody owns the mailbox
-- then until a connection attaches or claims it; numbers given meanwhile may be lost with the rest, so later ones begin
-- beyond them.
local FENCE_LEAP = 1000 -- more connections of one device than a store loses in a second
local function load_box(keys)
  local v = redis.call('HMGET', keys.head, 'e', 'run', 'q', 'c', 'b', 'fence', 's', 'n', 'x', 'own', 'anew')
  local h = {
    e = v[1], q = tonumber(v[3] or 0), c = tonumber(v[4] or 0), b = tonumber(v[5] or 0),
    fence = tonumber(v[6] or 0), own = tonumber(v[10] or v[6] or 0), anew = tonumber(v[11] or 0),
    s = tonumber(v[7] or 0), n = tonumber(v[8] or 0), x = tonumber(v[9] or 0), l = 0,
  }
  if v[1] and v[2] == LIFE then return h end
  h.e, h.c, h.b = FRESH_EPOCH, 0, 0
  h.fence, h.own, h.anew = h.fence + FENCE_LEAP, 0, 0
  redis.call('DEL', keys.from)
  if not v[1] then redis.call('DEL', keys.seen, keys.seen_old) end -- they number items of a head that is gone
  for _, entry in ipairs(redis.call('XRANGE', keys.box, '-', '+')) do
    h.q = math.max(h.q, tonumber(string.match(entry[1], '^%d+')))
    h.c, h.b = h.c + 1, h.b + #entry[2][6]
    redis.call('HINCRBY', keys.from, entry[2][4], 1)
  end
  return h
end

local function save_box(keys, h)
  local expiry = tonumber(ARGV[4])
  redis.call('HSET', keys.head, 'e', h.e, 'run', LIFE, 'q', h.q, 'c', h.c, 'b', h.b, 'fence', h.fence,
    'own', h.own, 'anew', h.anew, 's', h.s, 'n', h.n, 'x', math.max(h.x, expiry))
  if h.x < expiry then redis.call('EXPIREAT', keys.head, expiry) end
end

local function remove(keys, h, entry)
  redis.call('XDEL', keys.box, entry[1])
  h.c, h.b = h.c - 1, h.b - #entry[2][6]
  if redis.call('HINCRBY', keys.from, entry[2][4], -1) <= 0 then redis.call('HDEL', keys.from, entry[2][4]) end
end

-- Items do not expire in the order of their numbers once the life of new ones was shortened, so this removes from the
-- front only; one behind a longer-lived item goes with it, at the latest with the whole box.
local function purge(keys, h)
  local now = tonumber(ARGV[3])
  while h.c > 0 do
    local entries = redis.call('XRANGE', keys.box, '-', '+', 'COUNT', 16)
    if #entries == 0 then h.c, h.b = 0, 0 return end
    for _, entry in ipairs(entries) do
      if tonumber(entry[2][2]) > now then return end
      remove(keys, h, entry)
    end
  end
end

local function box_keys()
  return { head = KEYS[2], box = KEYS[3], seen = KEYS[4], seen_old = KEYS[5], from = KEYS[6], topic = KEYS[7] }
end
