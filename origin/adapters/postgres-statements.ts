/**
 * Every statement the origin runs against Postgres. Each is one round trip and, being one statement, one transaction.
 * Parameters are text and cast here, so that no driver guesses types; lists of tags are joined by commas, which no tag
 * contains. Each uses an index for every table it reads (origin/test/records-plans.test.ts).
 *
 * Writes answer one row: `marked` the call's mark was new, `created` the record was, `parented` what it belongs to is
 * there. `on conflict do nothing` waits for a concurrent transaction with the same key, so of many at once exactly one
 * creates. Nothing is written unless the mark was.
 */
import { LOCKOUT } from '../../shared/lockout.ts';

/** A ban counts through its last day. */
const BAN_IN_FORCE = "(expires_on is null or expires_on >= (now() at time zone 'utc')::date)";

/** $1 jti · $2 expiry of the mark: redeems it, or yields no row when it was redeemed before. */
export const MARK = `mark as (
  insert into hushwire.calls (jti, expires_at) values ($1::text, $2::text::timestamptz)
  on conflict do nothing returning true
)`;

/**
 * $3 account · $4 sealed · $5 created on · $6 device · $7 device sealed. A device of another account is `conflict`;
 * `parented` is false for an account that was deleted. $8 invitation, '' for none · $9 its uses · $10 its last day: a new
 * account counts as a use, and `refused` says that there is none left. The invitation's row makes accounts wait for each
 * other, so never more come in; of simultaneous calls for one and the same account, each may cost a use.
 */
const CREATE_ACCOUNT = `with ${MARK}, fresh as (
  select true from mark
  where not exists (select from hushwire.revocations where tag = $3::text)
    and not exists (select from hushwire.accounts where account = $3::text)
), invited as (
  insert into hushwire.invitations (invitation, used, expires_on)
  select $8::text, 1, $10::text::date from fresh where $8::text <> ''
  on conflict (invitation) do update set used = invitations.used + 1 where invitations.used < $9::text::integer
  returning true
), account as (
  insert into hushwire.accounts (account, sealed, created_on)
  select $3::text, $4::text, $5::text::date from fresh
  where $8::text = '' or exists (select from invited)
  on conflict do nothing returning true
), device as (
  insert into hushwire.devices (device, account, sealed)
  select $6::text, $3::text, $7::text from account
)
select exists (select from mark) as marked, exists (select from account) as created,
  not exists (select from hushwire.revocations where tag = $3::text) as parented,
  $8::text <> '' and exists (select from fresh) and not exists (select from invited) as refused,
  exists (select from hushwire.devices where device = $6::text and account = $3::text) as held`;

/**
 * $3 session · $4 device · $5 account · $6 sealed · $7 expires on · $8 version of the TOTP record that asks for no second
 * factor, 0 for none · $9 bans that forbid it. `agreed`: that is the stored one; otherwise nothing is created, and `totp`, `version` are it.
 */
const CREATE_SESSION = `with ${MARK}, parent as (
  select true from hushwire.devices where device = $4::text and account = $5::text
    and not exists (select from hushwire.bans where ban = any (string_to_array($9::text, ',')) and ${BAN_IN_FORCE})
), held as (
  select sealed, version from hushwire.totp where account = $5::text
), agreed as (
  select true where coalesce((select version from held), 0) = $8::text::integer
), session as (
  insert into hushwire.sessions (session, device, sealed, expires_on)
  select $3::text, $4::text, $6::text, $7::text::date from mark, parent, agreed
  on conflict do nothing returning true
)
select exists (select from mark) as marked, exists (select from session) as created,
  exists (select from parent) as parented, exists (select from agreed) as agreed,
  (select sealed from held) as totp, (select version from held) as version`;

/** $3 session · $4 device · $5 sealed · $6 version. Never goes back to an older version. */
const RENEW_SESSION = `with ${MARK}, held as (
  select true from hushwire.sessions where session = $3::text and device = $4::text
), renewed as (
  update hushwire.sessions set sealed = $5::text, version = $6::text::integer
  where session = $3::text and device = $4::text and version < $6::text::integer and exists (select from mark)
  returning true
)
select exists (select from mark) as marked, exists (select from renewed) as created,
  exists (select from held) as parented`;

/**
 * An attempt at the second factor, and the session it opens. $3 session, '' for none · $4 device · $5 account · $6 sealed
 * · $7 expires on, '' for none · $8 version · $9 bans that forbid it · $10 failures seen · $11 kind of the proof · $12 mark of
 * the step, or recovery code · $13 mark of the earlier step · $14 expiry of these marks.
 *
 * Locking the device's row makes its attempts wait for each other, each with the failures the one before has left; so
 * `judged` holds for no more of them than may be judged. A repeat of a call that opened its session is `existed`.
 */
const ATTEMPT = `with ${MARK}, parent as (
  select failures from hushwire.devices, mark where device = $4::text and account = $5::text
    and not exists (select from hushwire.bans where ban = any (string_to_array($9::text, ',')) and ${BAN_IN_FORCE})
  for no key update of devices
), held as (
  select sealed, version from hushwire.totp where account = $5::text
), agreed as (
  select true from held where version = $8::text::integer
), existed as (
  select true from hushwire.sessions, parent where session = $3::text and device = $4::text
), judged as (
  select failures from parent, agreed
  where failures < ${LOCKOUT.failuresMax} and not exists (select from existed)
    and failures / ${LOCKOUT.failuresPerLock} <= $10::text::integer / ${LOCKOUT.failuresPerLock}
), step as (
  insert into hushwire.calls (jti, expires_at)
  select $12::text, $14::text::timestamptz from judged where $11::text = 'step'
  on conflict do nothing returning true
), earlier as (
  insert into hushwire.calls (jti, expires_at)
  select $13::text, $14::text::timestamptz from step
  on conflict do nothing
), code as (
  delete from hushwire.recovery_codes using judged
  where code = $12::text and account = $5::text and $11::text = 'recovery'
  returning true
), passed as (
  select true from step union all select true from code
), counted as (
  select failures, case when exists (select from passed) then 0 else failures + 1 end as now
  from judged where exists (select from passed) or $11::text <> 'step'
), tally as (
  update hushwire.devices set failures = counted.now from counted
  where device = $4::text and counted.now <> counted.failures
), session as (
  insert into hushwire.sessions (session, device, sealed, expires_on)
  select $3::text, $4::text, $6::text, nullif($7::text, '')::date from passed where $3::text <> ''
)
select exists (select from mark) as marked, exists (select from passed) as created,
  exists (select from parent) as parented, exists (select from existed) as existed,
  exists (select from agreed) as agreed, (select sealed from held) as totp, (select version from held) as version,
  coalesce((select now from counted), (select failures from parent), 0) as failures`;

/**
 * $3 account · $4 sealed · $5 version, one more than the stored one's · $6 recovery codes from now on, a list · $7 marks
 * of steps that are used up, a list · $8 expiry of these. `agreed`: it was changed, now or by the same call before.
 */
const CHANGE_TOTP = `with ${MARK}, parent as (
  select true from hushwire.accounts where account = $3::text
), held as (
  select sealed, version from hushwire.totp where account = $3::text
), changed as (
  insert into hushwire.totp as totp (account, sealed, version)
  select $3::text, $4::text, $5::text::integer from mark, parent
  where $5::text::integer = 1 or exists (select from held)
  on conflict (account) do update set sealed = excluded.sealed, version = excluded.version
  where totp.version = excluded.version - 1
  returning true
), gone as (
  delete from hushwire.recovery_codes using changed
  where account = $3::text and code <> all (string_to_array($6::text, ','))
), codes as (
  insert into hushwire.recovery_codes (code, account)
  select unnest(string_to_array($6::text, ',')), $3::text from changed
  on conflict do nothing
), used as (
  insert into hushwire.calls (jti, expires_at)
  select unnest(string_to_array($7::text, ',')), $8::text::timestamptz from changed
  on conflict do nothing
)
select exists (select from mark) as marked, exists (select from changed) as created,
  exists (select from parent) as parented,
  exists (select from changed) or exists (
    select from held where version = $5::text::integer and sealed = $4::text) as agreed,
  (select sealed from held) as totp, (select version from held) as version`;

/** $3 channel · $4 sealed · $5 created on · $6 owner's member tag · $7 owner sealed. */
const CREATE_CHANNEL = `with ${MARK}, channel as (
  insert into hushwire.channels (channel, sealed, created_on)
  select $3::text, $4::text, $5::text::date from mark
  where not exists (select from hushwire.revocations where tag = $3::text)
  on conflict do nothing returning true
), owner as (
  insert into hushwire.members (member, channel, sealed)
  select $6::text, $3::text, $7::text from channel
)
select exists (select from mark) as marked, exists (select from channel) as created, true as parented`;

/** $3 member · $4 channel · $5 sealed. */
const ADD_MEMBER = `with ${MARK}, parent as (
  select true from hushwire.channels where channel = $4::text
), member as (
  insert into hushwire.members (member, channel, sealed)
  select $3::text, $4::text, $5::text from mark, parent
  on conflict do nothing returning true
)
select exists (select from mark) as marked, exists (select from member) as created,
  exists (select from parent) as parented`;

/**
 * $1 devices · $2 sessions · $3 members · $4 accounts for their TOTP · $5 accounts for the newest entry of their key log, each
 * a list; one row for each that is there.
 */
const READ = `
select 'device' as kind, device as tag, account, null as device, null as channel, sealed, version, null as expires_on
from hushwire.devices where device = any (string_to_array($1::text, ','))
union all
select 'session', session, account, device, null, session.sealed, session.version, to_char(expires_on, 'YYYY-MM-DD')
from hushwire.sessions as session join hushwire.devices using (device)
where session = any (string_to_array($2::text, ','))
union all
select 'member', member, null, null, channel, sealed, version, null
from hushwire.members where member = any (string_to_array($3::text, ','))
union all
select 'totp', account, null, null, null, sealed, version, null
from hushwire.totp where account = any (string_to_array($4::text, ','))
union all
select 'entry', wanted.account, null, null, null, newest.sealed, newest.sequence, null
from unnest(string_to_array($5::text, ',')) as wanted(account) cross join lateral (
  select sealed, sequence from hushwire.key_log where key_log.account = wanted.account
  order by sequence desc limit 1) as newest`;

/** Rows one purge takes of each table: short enough to stay far below the statement timeout. */
export const PURGE_ROWS = 5_000;

/**
 * Deletes what is past its time, up to PURGE_ROWS of each table, and answers how many. Marks stay 5 min longer than
 * their token, which bounds how far the database's clock may run ahead; sessions and invitations one day. Rows that another node is
 * deleting are left to it.
 */
const PURGE = `with calls as (
  delete from hushwire.calls where ctid = any (array(
    select ctid from hushwire.calls where expires_at < now() - interval '5 minutes'
    limit ${PURGE_ROWS} for update skip locked))
  returning true
), sessions as (
  delete from hushwire.sessions where ctid = any (array(
    select ctid from hushwire.sessions where expires_on < (now() at time zone 'utc')::date - 1
    limit ${PURGE_ROWS} for update skip locked))
  returning true
), invitations as (
  delete from hushwire.invitations where ctid = any (array(
    select ctid from hushwire.invitations where expires_on < (now() at time zone 'utc')::date - 1
    limit ${PURGE_ROWS} for update skip locked))
  returning true
)
select (select count(*) from calls)::integer as calls, (select count(*) from sessions)::integer as sessions,
  (select count(*) from invitations)::integer as invitations`;

export const STATEMENTS = Object.freeze({
  createAccount: CREATE_ACCOUNT,
  renewSession: RENEW_SESSION,
  createSession: CREATE_SESSION,
  createChannel: CREATE_CHANNEL,
  addMember: ADD_MEMBER,
  attempt: ATTEMPT,
  changeTotp: CHANGE_TOTP,
  read: READ,
  purge: PURGE,
  ping: 'select true',
});
