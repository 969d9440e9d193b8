-- oldest-program: 1
--
-- The durable truth of accounts, devices, sessions, channels and members. Everything that says something about a
-- person is sealed by the edge; in clear are only tags (keyed pseudonyms), a record's version and whole days.
-- A schema of its own, because hosted Postgres often serves `public` to the web.

create domain hushwire.tag as text collate "C"
  check (value ~ '^[A-Za-z0-9_-]{22}$');

-- <key version>.<base64url of nonce and ciphertext>, as the edge made it.
create domain hushwire.sealed as text collate "C"
  check (length(value) <= 8192 and value ~ '^[0-9]{1,4}\.[A-Za-z0-9_-]+$');

create domain hushwire.version as integer
  check (value >= 1);

create table hushwire.accounts (
  account hushwire.tag primary key,
  sealed hushwire.sealed not null,
  version hushwire.version not null default 1,
  created_on date not null
);

create table hushwire.devices (
  device hushwire.tag primary key,
  account hushwire.tag not null references hushwire.accounts,
  sealed hushwire.sealed not null,
  version hushwire.version not null default 1
);

-- The account of a session is that of its device.
create table hushwire.sessions (
  session hushwire.tag primary key,
  device hushwire.tag not null references hushwire.devices,
  sealed hushwire.sealed not null,
  version hushwire.version not null default 1,
  expires_on date not null
);
create index sessions_by_expiry on hushwire.sessions (expires_on);

create table hushwire.channels (
  channel hushwire.tag primary key,
  sealed hushwire.sealed not null,
  version hushwire.version not null default 1,
  created_on date not null
);

create table hushwire.members (
  member hushwire.tag primary key,
  channel hushwire.tag not null references hushwire.channels,
  sealed hushwire.sealed not null,
  version hushwire.version not null default 1
);

-- One row for each write the edge asked for, in whole minutes, deleted minutes after the call could last be replayed.
create table hushwire.calls (
  jti text collate "C" primary key check (jti ~ '^[A-Za-z0-9_-]{16,64}$'),
  expires_at timestamptz not null check (extract(epoch from expires_at) % 60 = 0)
);
create index calls_by_expiry on hushwire.calls (expires_at);
