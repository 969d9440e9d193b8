/** Statements of memberships and bans; the rules of postgres-statements.ts hold. */
import { CHANNEL_INVITATIONS_MAX, DELETED_MEMBERS_MAX } from '../../shared/internal/channels.ts';
import { recordRevocations } from './postgres-revocation-statements.ts';
import { MARK, PURGE_ROWS } from './postgres-statements.ts';

/** Most bans in one answer. */
export const BANS_PAGE = 200;

/** $1 channel */
const LOCK_CHANNEL = 'select true from hushwire.channels where channel = $1::text for update';

/** Ended earlier, and told again. */
const SESSIONS_MAX = 5_000;

const TODAY = "(now() at time zone 'utc')::date";
/** An invitation that is there has a use left. */
const OPEN = `expires_on >= ${TODAY}`;
/** A ban. */
export const IN_FORCE = `(expires_on is null or expires_on >= ${TODAY})`;

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
 * $8–$11 bans to place · $12 bans to lift · $13 bans that bar the change · $14 an invitation it is one use of, '' for none ·
 * $15 how many that may have. All or nothing: `fits` when every record is of the version after the stored one (the first where there
 * is none), nothing bars, and the invitation has a use left; it is gone with its last one. Runs after LOCK_CHANNEL, so that of many
 * uses at once each sees what the one before has left.
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
), open as (
  select true where $14::text = ''
  union all
  select true from hushwire.channel_invitations where invitation = $14::text and channel = $3::text
    and used < $15::text::integer and ${OPEN}
), fit as (
  select true from mark, parent, open where not exists (select from unfit) and not exists (select from barring)
), changed as (
  insert into hushwire.members as held (member, channel, sealed, version)
  select member, $3::text, sealed, version from asked, fit
  on conflict (member) do update set sealed = excluded.sealed, version = excluded.version
  returning member
), counted as (
  update hushwire.channel_invitations set used = used + 1 from fit
  where invitation = $14::text and used + 1 < least(uses, $15::text::integer)
), spent as (
  delete from hushwire.channel_invitations using fit
  where invitation = $14::text and used + 1 >= least(uses, $15::text::integer)
), ended as (
  select revokes as tag, 'member' as kind from asked, fit where revokes <> '-'
), ${recordRevocations('changed')}, ${placed(8, '$3::text', 'fit')}
select exists (select from mark) as marked, exists (select from parent) as parented,
  exists (select from fit) as fits, exists (select from unfit) as unfit, exists (select from barring) as barred`;

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

/**
 * $3 channel. Runs after LOCK_CHANNEL. Bans in force stay: they would keep somebody out of a channel that was made again under
 * its id. The channel's own tag is revoked, for grants that were given before.
 */
const DELETE_CHANNEL = `with ${MARK}, members as (
  delete from hushwire.members using mark where channel = $3::text returning member
), invitations as (
  delete from hushwire.channel_invitations using mark where channel = $3::text
), bans as (
  delete from hushwire.bans using mark where channel = $3::text and not ${IN_FORCE}
), gone as (
  delete from hushwire.channels using mark where channel = $3::text returning channel
), ended as (
  select channel::text as tag, 'member' as kind from gone
), ${recordRevocations('members')}
select exists (select from mark) as marked, exists (select from gone) as gone,
  (select string_agg(member::text, ',') from (select member from members limit ${DELETED_MEMBERS_MAX}) as told) as members`;

/** $3 channel · $4 invitation · $5 uses · $6 last day. Runs after LOCK_CHANNEL. `known`: it was made before. */
const MAKE_INVITATION = `with ${MARK}, parent as (
  select true from hushwire.channels where channel = $3::text
), known as (
  select true from hushwire.channel_invitations where invitation = $4::text
), room as (
  select true where (
    select count(*) from hushwire.channel_invitations where channel = $3::text and ${OPEN}
  ) < ${CHANNEL_INVITATIONS_MAX}
), made as (
  insert into hushwire.channel_invitations (invitation, channel, uses, expires_on)
  select $4::text, $3::text, $5::text::integer, $6::text::date from mark, parent, room
  where not exists (select from known)
  returning true
)
select exists (select from mark) as marked, exists (select from parent) as parented,
  exists (select from made) or exists (select from known) as changed`;

/** $3 channel · $4 invitation. Runs after LOCK_CHANNEL. */
const REVOKE_INVITATION = `with ${MARK}, gone as (
  delete from hushwire.channel_invitations using mark where invitation = $4::text and channel = $3::text
)
select exists (select from mark) as marked,
  exists (select from hushwire.channels where channel = $3::text) as parented, true as changed`;

/** $1 channel. */
const LIST_INVITATIONS = `select invitation, uses, used, to_char(expires_on, 'YYYY-MM-DD') as expires_on
from hushwire.channel_invitations where channel = $1::text and ${OPEN}
order by invitation limit ${CHANNEL_INVITATIONS_MAX}`;

const PURGE_INVITATIONS = `with gone as (
  delete from hushwire.channel_invitations where ctid = any (array(
    select ctid from hushwire.channel_invitations where expires_on < ${TODAY} - 1
    limit ${PURGE_ROWS} for update skip locked))
  returning true
)
select (select count(*) from gone)::integer as invitations`;

export const INVITATION_STATEMENTS = Object.freeze({
  lockChannel: LOCK_CHANNEL,
  makeInvitation: MAKE_INVITATION,
  revokeInvitation: REVOKE_INVITATION,
  listInvitations: LIST_INVITATIONS,
  purgeInvitations: PURGE_INVITATIONS,
});

export const MODERATION_STATEMENTS = Object.freeze({
  lockChannel: LOCK_CHANNEL,
  changeMembers: CHANGE_MEMBERS,
  deleteChannel: DELETE_CHANNEL,
  placeBans: PLACE_BANS,
  listBans: LIST_BANS,
  purgeBans: PURGE_BANS,
});
