-- oldest-program: 1
--
-- The list of an account's channels, as its devices encrypted it: opaque to everybody else, one for each account, and gone
-- with it. `version` counts the writes, so that no device overwrites what another has written meanwhile.

create table hushwire.channel_lists (
  account hushwire.tag primary key references hushwire.accounts on delete cascade,
  version hushwire.version not null,
  data text collate "C" not null check (length(data) <= 87382 and data ~ '^[A-Za-z0-9_-]+$')
);
