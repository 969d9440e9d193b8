-- Opening of every script that relies on what was written before: which life of the partition this is.
--
-- KEYS[1]  life of the partition, "<run id> <name of the life>"; beside it, under the same hash tag, the term it was begun in
-- ARGV[1]  run id of the server that runs the script, as the caller's connection read it · ARGV[2] random text
--
-- A term is one rule of one server: its run id, and its replication id, which Redis draws anew whenever a replica comes
-- to rule. The run id alone would not do: a server that was master, replica and master again has the same one, and its
-- copy of KEYS[1] may be from before, if the master in between fell before it replicated the life it began. Only the
-- script itself can ask: a connection that outlived both changes would go on with what it had read. (It is drawn anew as
-- well when a master was without any replica for `repl-backlog-ttl`, an hour: one gap too many.)
--
-- Another term there means that another server wrote last, or this one before a restart: a failover or a restart that
-- may have lost acknowledged writes. Then a new life begins, and every head that names an older one begins a new epoch,
-- also those that nobody touched meanwhile: else a server that was master, replica and master again would go on with
-- heads from before, which may be older than what it had told.
-- FRESH_EPOCH is for what begins anew. The caller draws ARGV[2] ten times a second only; the server's part keeps what
-- began twice within that time, on two servers, apart.
local FRESH_EPOCH = ARGV[2] .. string.sub(ARGV[1], 1, 4)
local REPLICATION_ID = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)') or ''
local TERM = ARGV[1] .. ':' .. REPLICATION_ID
local TERM_KEY = KEYS[1] .. ':term'

-- Programs of the release before know the run id alone, and leave the term as it is: both must read the same life.
local function begin_life()
  local life, term = unpack(redis.call('MGET', KEYS[1], TERM_KEY))
  local is_of_this_run = life and string.sub(life, 1, #ARGV[1] + 1) == ARGV[1] .. ' '
  if is_of_this_run and term == TERM then return string.sub(life, #ARGV[1] + 2) end
  redis.call('SET', TERM_KEY, TERM)
  if is_of_this_run and not term then return string.sub(life, #ARGV[1] + 2) end
  redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. FRESH_EPOCH)
  return FRESH_EPOCH
end
local LIFE = begin_life()
