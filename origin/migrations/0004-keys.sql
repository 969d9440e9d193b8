-- oldest-program: 1
--
-- Public keys. The key log of an account names its devices and their identity keys, each entry sealed; `link` is a keyed
-- tag of the entry's hash, by which the next one is tied to it. Entries are only ever added; they go with their account.

create table hushwire.key_log (
  account hushwire.tag not null references hushwire.accounts on delete cascade,
  sequence hushwire.version not null,
  link hushwire.tag not null,
  sealed hushwire.sealed not null,
  primary key (account, sequence)
);

create function hushwire.refuse_update() returns trigger language plpgsql as
  $$begin raise exception 'rows of % are never changed', tg_table_name; end$$;
create trigger key_log_is_append_only before update on hushwire.key_log
  for each row execute function hushwire.refuse_update();

-- One row for each device that has uploaded key packages. `version` counts the uploads.
create table hushwire.key_stocks (
  device hushwire.tag primary key references hushwire.devices on delete cascade,
  list hushwire.tag not null unique,
  version hushwire.version not null,
  last_resort hushwire.sealed
);

-- One-time packages that nobody has claimed; a claimed one is gone from here before anybody gets it.
create table hushwire.key_packages (
  device hushwire.tag not null references hushwire.devices on delete cascade,
  upload hushwire.version not null,
  place integer not null check (place >= 1),
  list hushwire.tag not null,
  sealed hushwire.sealed not null,
  primary key (device, upload, place)
);
create index key_packages_by_list on hushwire.key_packages (list, upload, place);
