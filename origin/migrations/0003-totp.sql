-- oldest-program: 1
--
-- The second factor. A TOTP record stays when it is turned off (sealed, so that nobody else can tell), because its
-- version must never begin anew. A used code leaves a mark in hushwire.calls for minutes; when a code was used, or when
-- a device failed, is stored nowhere else.

create table hushwire.totp (
  account hushwire.tag primary key references hushwire.accounts on delete cascade,
  sealed hushwire.sealed not null,
  version hushwire.version not null
);

-- Keyed hashes of recovery codes; a used one is gone.
create table hushwire.recovery_codes (
  code hushwire.tag primary key,
  account hushwire.tag not null references hushwire.totp on delete cascade
);
create index recovery_codes_by_account on hushwire.recovery_codes (account);

-- Attempts of the device at the second factor that failed since the last one that did not.
alter table hushwire.devices
  add column failures integer not null default 0 check (failures >= 0);
