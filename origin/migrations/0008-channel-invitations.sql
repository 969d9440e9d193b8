-- oldest-program: 1
--
-- Invitations to channels, each with how many it may let in and how many it has; gone with its last use. The invitation itself
-- is signed by the edge, so that a row made up here opens nothing; nothing says who made it or who has used it.

create table hushwire.channel_invitations (
  invitation hushwire.tag primary key,
  channel hushwire.tag not null references hushwire.channels,
  uses integer not null check (uses between 1 and 1000),
  used integer not null default 0 check (used >= 0 and used < uses),
  expires_on date not null
);
create index channel_invitations_by_channel on hushwire.channel_invitations (channel);
create index channel_invitations_by_expiry on hushwire.channel_invitations (expires_on);
