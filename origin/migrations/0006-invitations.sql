-- oldest-program: 1
--
-- How many accounts a sign-up invitation has let in. It begins with the first of them, says neither who nor when, and is
-- purged when the invitation has expired; what an invitation allows stands in the invitation, which the edge signs.

create table hushwire.invitations (
  invitation hushwire.tag primary key,
  used integer not null check (used >= 1),
  expires_on date not null
);
create index invitations_by_expiry on hushwire.invitations (expires_on);
