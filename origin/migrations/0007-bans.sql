-- oldest-program: 1
--
-- Bans, and the end of what members may do. What decides is sealed in a member's record; a ban's row keeps the ban through
-- leaving and rejoining, and holds the statement that only moderators can open. Without a channel it is service-wide.

alter table hushwire.revocations
  drop constraint revocations_kind_check,
  add constraint revocations_kind_check check (kind in ('session', 'device', 'account', 'member'));

create table hushwire.bans (
  ban hushwire.tag primary key,
  channel hushwire.tag,
  key_version integer not null check (key_version between 1 and 9999),
  statement text collate "C" check (length(statement) <= 8192 and statement ~ '^[A-Za-z0-9_.-]+$'),
  expires_on date
);
create index bans_by_channel on hushwire.bans (channel);
create index bans_by_expiry on hushwire.bans (expires_on) where expires_on is not null;
