/**
 * Every statement the origin runs against Postgres. Each is one round trip and, being one statement, one transaction.
 * Parameters are text and cast here, so that no driver guesses types; lists of tags are joined by commas, which no tag
 * contains. Each uses an index for every table it reads (origin/test/records-plans.test.ts).
 *
 * Writes answer one row: `marked` the call's mark was new, `created` the record was, `parented` what it belongs to is
 * there. `on conflict do nothing` waits for a concurrent transaction with the same key, so of many at once exactly one
 * creates. Nothing is written unless the mark was.
 */

/** $1 jti · $2 expiry of the mark: redeems it, or yields no row when it was redeemed before. */
const MARK = `mark as (
  insert into hushwire.calls (jti, expires_at) values ($1::text, $2::text::timestamptz)
  on conflict do nothing returning true
)`;

/** $3 account · $4 sealed · $5 created on · $6 device · $7 device sealed. A device of another account is `conflict`. */
const CREATE_ACCOUNT = `with ${MARK}, account as (
  insert into hushwire.accounts (account, sealed, created_on)
  select $3::text, $4::text, $5::text::date from mark
  on conflict do nothing returning true
), device as (
  insert into hushwire.devices (device, account, sealed)
  select $6::text, $3::text, $7::text from account
)
select exists (select from mark) as marked, exists (select from account) as created, true as parented`;

/** $3 session · $4 device · $5 account · $6 sealed · $7 expires on. */
const CREATE_SESSION = `with ${MARK}, parent as (
  select true from hushwire.devices where device = $4::text and account = $5::text
), session as (
  insert into hushwire.sessions (session, device, sealed, expires_on)
  select $3::text, $4::text, $6::text, $7::text::date from mark, parent
  on conflict do nothing returning true
)
select exists (select from mark) as marked, exists (select from session) as created,
  exists (select from parent) as parented`;

/** $3 channel · $4 sealed · $5 created on · $6 owner's member tag · $7 owner sealed. */
const CREATE_CHANNEL = `with ${MARK}, channel as (
  insert into hushwire.channels (channel, sealed, created_on)
  select $3::text, $4::text, $5::text::date from mark
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

/** $1 devices · $2 sessions · $3 members, each a list; one row for each that is there. */
const READ = `
select 'device' as kind, device as tag, account, null as device, null as channel, sealed, version, null as expires_on
from hushwire.devices where device = any (string_to_array($1::text, ','))
union all
select 'session', session, account, device, null, session.sealed, session.version, to_char(expires_on, 'YYYY-MM-DD')
from hushwire.sessions as session join hushwire.devices using (device)
where session = any (string_to_array($2::text, ','))
union all
select 'member', member, null, null, channel, sealed, version, null
from hushwire.members where member = any (string_to_array($3::text, ','))`;

/** Rows one purge takes of each table: short enough to stay far below the statement timeout. */
export const PURGE_ROWS = 5_000;

/**
 * Deletes what is past its time, up to PURGE_ROWS of each table, and answers how many. Marks stay 5 min longer than
 * their token, which bounds how far the database's clock may run ahead; sessions one day. Rows that another node is
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
)
select (select count(*) from calls)::integer as calls, (select count(*) from sessions)::integer as sessions`;

export const STATEMENTS = Object.freeze({
  createAccount: CREATE_ACCOUNT,
  createSession: CREATE_SESSION,
  createChannel: CREATE_CHANNEL,
  addMember: ADD_MEMBER,
  read: READ,
  purge: PURGE,
  ping: 'select true',
});
