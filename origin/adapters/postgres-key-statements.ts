/** Statements of key logs and key packages; the rules of postgres-statements.ts hold. */
import { LIMITS } from '../../shared/limits.ts';
import { MARK } from './postgres-statements.ts';

/**
 * $3 account · $4 asking session · $5 number · $6 link · $7 link of the entry before, '' for the first · $8 sealed · $9 the
 * devices it names, a list. Runs after the account is locked, so `newest` is what the last append has left. `known`: this
 * entry is the newest already; `named`: the account has all those devices.
 */
const APPEND_ENTRY = `with ${MARK}, caller as (
  select true from hushwire.sessions join hushwire.devices using (device)
  where session = $4::text and account = $3::text
), newest as (
  select sequence, link from hushwire.key_log where account = $3::text order by sequence desc limit 1
), follows as (
  select true where coalesce((select sequence from newest), 0) = $5::text::integer - 1
    and coalesce((select link::text from newest), '') = $7::text
), named as (
  select true where not exists (
    select from unnest(string_to_array($9::text, ',')) as wanted(device)
    where not exists (select from hushwire.devices where devices.device = wanted.device and account = $3::text))
), added as (
  insert into hushwire.key_log (account, sequence, link, sealed)
  select $3::text, $5::text::integer, $6::text, $8::text from mark, caller, follows, named
  returning true
)
select exists (select from mark) as marked, exists (select from caller) as allowed,
  exists (select from added) as created, exists (select from named) as named,
  exists (select from newest where sequence = $5::text::integer and link = $6::text) as known`;

/** $1 account · $2 number to read on from. */
const READ_LOG = `
select sequence as version, sealed from hushwire.key_log
where account = $1::text and sequence > $2::text::integer
order by sequence limit ${LIMITS.keyLogEntriesPerPage}`;

/**
 * $3 account · $4 device · $5 asking session · $6 number of the upload · $7 list · $8 last resort, '' for none · $9 packages,
 * a list · $10 'true' to replace. `kept`: packages that stay. The row of key_stocks makes uploads wait for each other.
 */
const ADD_PACKAGES = `with ${MARK}, caller as (
  select true from hushwire.sessions join hushwire.devices using (device)
  where session = $5::text and device = $4::text and account = $3::text
), held as (
  select version from hushwire.key_stocks where device = $4::text
), given as (
  select sealed, place from unnest(string_to_array($9::text, ',')) with ordinality as given(sealed, place)
), kept as (
  select count(*) as n from hushwire.key_packages
  where device = $4::text and list = $7::text and $10::text <> 'true'
), room as (
  select true from kept where n + (select count(*) from given) <= ${LIMITS.keyPackagesPerDevice}
), stock as (
  insert into hushwire.key_stocks as stock (device, list, version, last_resort)
  select $4::text, $7::text, $6::text::integer, nullif($8::text, '') from mark, caller, room
  where $6::text::integer = 1 or exists (select from held)
  on conflict (device) do update set list = excluded.list, version = excluded.version,
    last_resort = coalesce(excluded.last_resort, case when stock.list = excluded.list then stock.last_resort end)
  where stock.version = excluded.version - 1
  returning true
), gone as (
  delete from hushwire.key_packages using stock
  where device = $4::text and ($10::text = 'true' or list <> $7::text)
), added as (
  insert into hushwire.key_packages (device, upload, place, list, sealed)
  select $4::text, $6::text::integer, place, $7::text, sealed from given, stock
)
select exists (select from mark) as marked, exists (select from caller) as allowed,
  exists (select from stock) as created, exists (select from room) as fits,
  coalesce((select version from held), 0) as version, (select n from kept)::integer as kept`;

/** $1 device. */
const READ_STOCK = `
select coalesce((select version from hushwire.key_stocks where device = $1::text), 0) as version,
  (select count(*) from hushwire.key_packages where device = $1::text)::integer as left`;

/**
 * $3 lists, a list · $4 most packages of each. A package that another claim is taking is passed over. One row for each
 * package, and one without for a list of which there was none but which has a last resort.
 */
const CLAIM_PACKAGES = `with ${MARK}, wanted as (
  select list from mark, unnest(string_to_array($3::text, ',')) as wanted(list)
), chosen as (
  select chosen.* from wanted cross join lateral (
    select device, upload, place from hushwire.key_packages as package where package.list = wanted.list
    order by upload, place limit $4::text::integer for update skip locked) as chosen
), gone as (
  delete from hushwire.key_packages as package using chosen
  where package.device = chosen.device and package.upload = chosen.upload and package.place = chosen.place
  returning package.list, package.sealed, package.upload, package.place
), found as (
  select list::text, sealed::text, upload::integer, place, false as last from gone
  union all
  select list, last_resort, 0, 0, true from hushwire.key_stocks join wanted using (list)
  where last_resort is not null and not exists (select from gone where gone.list = key_stocks.list)
)
select exists (select from mark) as marked, found.* from (select true) as one left join found on true
order by upload, place`;

export const KEY_STATEMENTS = Object.freeze({
  appendEntry: APPEND_ENTRY,
  readLog: READ_LOG,
  addPackages: ADD_PACKAGES,
  readStock: READ_STOCK,
  claimPackages: CLAIM_PACKAGES,
});
