-- oldest-program: 1
--
-- Who deletes a channel has to find its members. Writing memberships waits while this index is made.

create index members_by_channel on hushwire.members (channel);
