/**
 * Statements that add devices and end sessions, devices and accounts; the rules of postgres-statements.ts hold.
 *
 * Each ending answers one row: `marked` the call's mark was new, `allowed` the asking session lives, `sessions` and
 * `devices` the tags that are ended, now or by an earlier call, joined by commas (null: none). What must count rows that
 * others may be adding runs after LOCK_ACCOUNT in one transaction, so that it sees what they have left.
 *
 * Locks are taken in one order, account, sessions, devices, head, so that no two of these wait for each other.
 */
import { DEVICES_MAX } from '../../shared/internal/devices.ts';
import { MARK, PURGE_ROWS } from './postgres-statements.ts';

/** Most sessions ended or listed in one statement. */
export const SESSIONS_PAGE = 500;
/** Most revocations in one answer. */
export const REVOCATIONS_PAGE = 1_000;
/** Whole days a revocation stays: longer than any copy of what it ended is held. */
const REVOCATION_DAYS = 3;

const TODAY = "(now() at time zone 'utc')::date";

/** $1 account */
const LOCK_ACCOUNT = 'select true from hushwire.accounts where account = $1::text for update';

/** $3 account · $4 approving device · $5 device · $6 sealed. `revoked`: this key was removed a few days ago or less. */
const ADD_DEVICE = `with ${MARK}, parent as (
  select true from hushwire.devices where device = $4::text and account = $3::text
), known as (
  select true from hushwire.devices where device = $5::text and account = $3::text
), revoked as (
  select true from hushwire.revocations where tag = $5::text
), room as (
  select true where (select count(*) from hushwire.devices where account = $3::text) < ${DEVICES_MAX}
), added as (
  insert into hushwire.devices (device, account, sealed)
  select $5::text, $3::text, $6::text from mark, parent, room
  where not exists (select from known) and not exists (select from revoked)
  returning true
)
select exists (select from mark) as marked, exists (select from added) as created,
  exists (select from parent) as parented, exists (select from known) as known,
  exists (select from revoked) as revoked`;

/** The session that asks lives, and is one of the account. */
const CALLER = `caller as (
  select true from hushwire.sessions join hushwire.devices using (device)
  where session = $4::text and account = $3::text
)`;

/** Numbers and keeps what `ended` lists. The sum over `first` makes sure that what it locks is locked before the head. */
export const recordRevocations = (first: string, account = '$3::text') => `head as (
  update hushwire.revocation_head set sequence = sequence + (select count(*) from ended)
  where exists (select from ended) and (select count(*) from ${first}) >= 0
  returning sequence
), recorded as (
  insert into hushwire.revocations (tag, kind, account, sequence, revoked_on)
  select tag, kind, ${account}, sequence - row_number() over () + 1, ${TODAY} from ended, head
)`;

const tags = (kind: string, which: string) => `(
  select string_agg(tag, ',') from (
    select tag from ended where kind = '${kind}'
    union all
    (select tag::text from hushwire.revocations
      where account = $3::text and kind = '${kind}' and ${which} limit ${SESSIONS_PAGE})
  ) as tags)`;

/**
 * $3 account · $4 asking session · $5 the session to end, '' for every one · $6 those of this device only, '' for every
 * one · $7 all but this one, '' for none. At most SESSIONS_PAGE of them; `ended` says how many it were.
 */
const END_SESSIONS = `with ${MARK}, ${CALLER}, chosen as (
  select session from hushwire.sessions join hushwire.devices using (device), mark, caller
  where account = $3::text and session <> $7::text
    and ($5::text = '' or session = $5::text) and ($6::text = '' or device = $6::text)
  limit ${SESSIONS_PAGE}
), ended as (
  delete from hushwire.sessions using chosen where sessions.session = chosen.session
  returning sessions.session::text as tag, 'session' as kind
), ${recordRevocations('ended')}
select exists (select from mark) as marked, exists (select from caller) as allowed,
  (select count(*) from ended)::integer as ended, null as devices,
  ${tags('session', "($5::text = '' or tag = $5::text)")} as sessions`;

/** $3 account · $4 asking session · $5 device. `found`, `others`: there was this device, and there are others. */
const REMOVE_DEVICE = `with ${MARK}, ${CALLER}, others as (
  select true from hushwire.devices where account = $3::text and device <> $5::text
), found as (
  select device from hushwire.devices where device = $5::text and account = $3::text
), target as (
  select device from found, mark, caller where exists (select from others)
), gone as (
  delete from hushwire.sessions using target where sessions.device = target.device returning true
), ended as (
  delete from hushwire.devices using target where devices.device = target.device
  returning devices.device::text as tag, 'device' as kind
), ${recordRevocations('gone')}
select exists (select from mark) as marked, exists (select from caller) as allowed,
  exists (select from found) as found, exists (select from others) as others, null as sessions,
  ${tags('device', 'tag = $5::text')} as devices`;

/** $3 account · $4 asking session. `deleted`: it was, now or by an earlier call. */
const DELETE_ACCOUNT = `with ${MARK}, ${CALLER}, target as (
  select account from hushwire.accounts, mark, caller where account = $3::text
), theirs as (
  select device from hushwire.devices join target using (account)
), gone as (
  delete from hushwire.sessions using theirs where sessions.device = theirs.device returning true
), devices as (
  delete from hushwire.devices using theirs where devices.device = theirs.device
  returning devices.device::text as tag, 'device' as kind
), deleted as (
  delete from hushwire.accounts using target where accounts.account = target.account
  returning accounts.account::text as tag, 'account' as kind
), ended as (
  select tag, kind from devices union all select tag, kind from deleted
), ${recordRevocations('gone')}
select exists (select from mark) as marked, exists (select from caller) as allowed,
  exists (select from deleted) or exists (select from hushwire.revocations where tag = $3::text) as deleted,
  null as sessions, ${tags('device', 'true')} as devices`;

/**
 * $3 account · $4 device · $5 its record · $6 number of the entry · $7 link · $8 link of the entry before · $9 the entry. Runs
 * after the account is locked. `known`: this entry is the newest already; `taken`: the device is or was one of the account's.
 */
const RECOVER = `with ${MARK}, newest as (
  select sequence, link from hushwire.key_log where account = $3::text order by sequence desc limit 1
), taken as (
  select true from hushwire.devices where device = $4::text
  union all select true from hushwire.revocations where tag = $4::text
), agreed as (
  select true from mark, newest
  where sequence = $6::text::integer - 1 and link = $8::text and not exists (select from taken)
), target as (
  select device from hushwire.devices, agreed where account = $3::text
), gone as (
  delete from hushwire.sessions using target where sessions.device = target.device returning true
), ended as (
  delete from hushwire.devices using target where devices.device = target.device
  returning devices.device::text as tag, 'device' as kind
), ${recordRevocations('gone')}, added as (
  insert into hushwire.devices (device, account, sealed) select $4::text, $3::text, $5::text from agreed
  returning true
), entry as (
  insert into hushwire.key_log (account, sequence, link, sealed)
  select $3::text, $6::text::integer, $7::text, $9::text from added
  returning true
)
select exists (select from mark) as marked, exists (select from entry) as created,
  exists (select from newest where sequence = $6::text::integer and link = $7::text) as known,
  exists (select from taken) as taken, null as sessions, ${tags('device', 'true')} as devices`;

/** $1 account; one row for each of its devices and for its SESSIONS_PAGE newest sessions. */
const LIST_BELONGINGS = `
select 'device' as kind, device as tag, null as device, sealed, version, null as expires_on
from hushwire.devices where account = $1::text
union all
(select 'session', session, device, session.sealed, session.version, to_char(expires_on, 'YYYY-MM-DD')
  from hushwire.sessions as session join hushwire.devices using (device) where account = $1::text
  order by expires_on desc, session limit ${SESSIONS_PAGE})`;

/**
 * $1 sequence number. Revocations after it that are kept, in order, and in every row the newest number; one row without a
 * revocation when there is none.
 */
const READ_REVOCATIONS = `
select head.sequence::text as head, found.sequence::text as sequence, found.tag
from hushwire.revocation_head as head left join lateral (
  select sequence, tag from hushwire.revocations
  where kind <> 'account' and sequence > $1::text::bigint and revoked_on >= ${TODAY} - ${REVOCATION_DAYS}
  order by sequence limit ${REVOCATIONS_PAGE}
) as found on true
order by found.sequence`;

/** Rows that another node is deleting are left to it. */
const PURGE_REVOCATIONS = `with gone as (
  delete from hushwire.revocations where ctid = any (array(
    select ctid from hushwire.revocations
    where kind <> 'account' and revoked_on < ${TODAY} - ${REVOCATION_DAYS}
    limit ${PURGE_ROWS} for update skip locked))
  returning true
)
select count(*)::integer as revocations from gone`;

export const REVOCATION_STATEMENTS = Object.freeze({
  lockAccount: LOCK_ACCOUNT,
  addDevice: ADD_DEVICE,
  endSessions: END_SESSIONS,
  removeDevice: REMOVE_DEVICE,
  deleteAccount: DELETE_ACCOUNT,
  recover: RECOVER,
  listBelongings: LIST_BELONGINGS,
  readRevocations: READ_REVOCATIONS,
  purgeRevocations: PURGE_REVOCATIONS,
});
