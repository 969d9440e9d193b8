/** Statements of memberships and bans; the rules of postgres-statements.ts hold. */
import { recordRevocations } from './postgres-revocation-statements.ts';
import { MARK, PURGE_ROWS } from './postgres-statements.ts';

/** Most bans in one answer. */
export const BANS_PAGE = 200;

/** $1 channel */
const LOCK_CHANNEL = 'select true from hushwire.channels where channel = $1::text for update';

/** Ended earlier, and told again. */
const SESSIONS_MAX = 5_000;

const TODAY = "(now() at time zone 'utc')::date";
const IN_FORCE = `(expires_on is null or expires_on >= ${TODAY})`;

/** $first… bans · key versions · statements · last days, lists; `-` stands for none. */
const placed = (first: number, channel: string, when: string) => `placed as (
  insert into hushwire.bans as held (ban, channel, key_version, statement, expires_on)
  select ban, ${channel}, key_version, nullif(statement, '-'), nullif(expires_on, '-')::date
  from unnest(string_to_array($${first}::text, ','), string_to_array($${first + 1}::text, ',')::integer[],
    string_to_array($${first + 2}::text, ','), string_to_array($${first + 3}::text, ','))
    as asked (ban, key_version, statement, expires_on), ${when}
  on conflict (ban) do update set statement = excluded.statement, expires_on = excluded.expires_on
), lifted as (
  delete from hushwire.bans using ${when} where ban = any (string_to_array($${first + 4}::text, ','))
)`;

/**
 * $3 channel · $4 members · $5 their sealed records · $6 their versions · $7 the rights that end, lists of one length ·
 * $8–$11 bans to place · $12 bans to lift · $13 bans that bar the change. All or nothing: `fits` when every record is of
 * the version after the stored one (the first where there is none) and nothing bars. Runs after LOCK_CHANNEL.
 */
const CHANGE_MEMBERS = `with ${MARK}, parent as (
  select true from hushwire.channels where channel = $3::text
), asked as (
  select * from unnest(string_to_array($4::text, ','), string_to_array($5::text, ','),
    string_to_array($6::text, ',')::integer[], string_to_array($7::text, ','))
    as asked (member, sealed, version, revokes)
), barring as (
  select true from hushwire.bans where ban = any (string_to_array($13::text, ',')) and ${IN_FORCE}
), unfit as (
  select true from asked left join hushwire.members held on held.member = asked.member
  where coalesce(held.version, 0) <> asked.version - 1
), fit as (
  select true from mark, parent where not exists (select from unfit) and not exists (select from barring)
), changed as (
  insert into hushwire.members as held (member, channel, sealed, version)
  select member, $3::text, sealed, version from asked, fit
  on conflict (member) do update set sealed = excluded.sealed, version = excluded.version
  returning member
), ended as (
  select revokes as tag, 'member' as kind from asked, fit where revokes <> '-'
), ${recordRevocations('changed')}, ${placed(8, '$3::text', 'fit')}
select exists (select from mark) as marked, exists (select from parent) as parented,
  exists (select from fit) as fits, exists (select from barring) as barred`;

/**
 * $3 accounts whose sessions end · $4–$7 bans to place · $8 bans to lift; service-wide ones. `sessions` are those that ended,
 * now or by an earlier call, so that a repeat after a lost answer tells them as well.
 */
const PLACE_BANS = `with ${MARK}, banned as (
  select unnest(string_to_array($3::text, ',')) as account
), chosen as (
  select session, account from hushwire.sessions join hushwire.devices using (device) join banned using (account), mark
), ended as (
  delete from hushwire.sessions using chosen where sessions.session = chosen.session
  returning sessions.session::text as tag, 'session' as kind, chosen.account as account
), ${recordRevocations('ended', 'ended.account')}, ${placed(4, 'null', 'mark')}
select exists (select from mark) as marked, (
  select string_agg(tag, ',') from (
    select tag from ended
    union all
    (select tag::text from hushwire.revocations join banned using (account) where kind = 'session' limit ${SESSIONS_MAX})
  ) as tags) as sessions`;

/** $1 channel, '' for service-wide ones · $2 after this one; by tag. */
const LIST_BANS = `select ban, key_version, statement, to_char(expires_on, 'YYYY-MM-DD') as expires_on
from hushwire.bans
where ((channel = $1::text and $1::text <> '') or (channel is null and $1::text = '')) and ban > $2::text
  and ${IN_FORCE}
order by ban limit ${BANS_PAGE}`;

const PURGE_BANS = `with gone as (
  delete from hushwire.bans where ctid = any (array(
    select ctid from hushwire.bans where expires_on < ${TODAY} - 1
    limit ${PURGE_ROWS} for update skip locked))
  returning true
)
select (select count(*) from gone)::integer as bans`;

export const MODERATION_STATEMENTS = Object.freeze({
  lockChannel: LOCK_CHANNEL,
  changeMembers: CHANGE_MEMBERS,
  placeBans: PLACE_BANS,
  listBans: LIST_BANS,
  purgeBans: PURGE_BANS,
});
