-- oldest-program: 1
--
-- What was ended before its time: sessions, devices, accounts. A row is written in the transaction that ends what it
-- names. Rows of sessions and devices are of use for minutes and go after three whole days; that of an account stays, as
-- the only thing that does, so that nobody can sign up again under the id of an account that was deleted.

create table hushwire.revocations (
  tag hushwire.tag primary key,
  kind text not null check (kind in ('session', 'device', 'account')),
  account hushwire.tag not null,
  sequence bigint not null check (sequence >= 1),
  revoked_on date not null
);
create unique index revocations_by_sequence on hushwire.revocations (sequence) where kind <> 'account';
create index revocations_by_account on hushwire.revocations (account);
create index revocations_by_day on hushwire.revocations (revoked_on) where kind <> 'account';

-- The newest sequence number. A row and not a sequence of the database, because its lock lasts until the transaction has
-- ended: numbers become visible in their order, so nobody who reads on from the last one misses any.
create table hushwire.revocation_head (
  is_only boolean primary key default true check (is_only),
  sequence bigint not null check (sequence >= 0)
);
insert into hushwire.revocation_head (sequence) values (0);

-- A session that is opened while its device goes, goes with it.
alter table hushwire.sessions
  drop constraint sessions_device_fkey,
  add constraint sessions_device_fkey foreign key (device) references hushwire.devices on delete cascade;
alter table hushwire.devices
  drop constraint devices_account_fkey,
  add constraint devices_account_fkey foreign key (account) references hushwire.accounts on delete cascade;
create index sessions_by_device on hushwire.sessions (device);
create index devices_by_account on hushwire.devices (account);
