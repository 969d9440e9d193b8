/**
 * What the edge asks of an origin's internal API: the one contract between the two. Everything here is tags and sealed
 * records; an origin can neither read nor forge what is inside. Every call carries an `internal` token (token.ts)
 * bound to its method, path and body.
 *
 * | call | answers |
 * |---|---|
 * | `POST /internal/v1/accounts` NewAccount | AccountWritten |
 * | `POST /internal/v1/sessions` NewSession | Written or FactorRefused |
 * | `POST /internal/v1/renewals` SessionRenewal | Written |
 * | `POST /internal/v1/channels` NewChannel | Written |
 * | `POST /internal/v1/members` NewMember | Written |
 * | `POST /internal/v1/totp` TotpChange | Written or StaleTotp |
 * | `POST /internal/v1/attempts` NewAttempt | AttemptAnswer |
 * | `POST /internal/v1/devices` NewDevice | DeviceWritten |
 * | `POST /internal/v1/revocations` Revocation | Revoked |
 * | `POST /internal/v1/recoveries` Recovery | Recovered |
 * | `POST /internal/v1/belongings` BelongingsRequest | Belongings (a read) |
 * | `POST /internal/v1/key-log` NewLogEntry | LogWritten |
 * | `POST /internal/v1/key-log/read` LogPageRequest | LogPage (a read) |
 * | `POST /internal/v1/key-packages` NewPackages | PackagesWritten |
 * | `POST /internal/v1/key-packages/stock` StockRequest | Stock (a read) |
 * | `POST /internal/v1/key-packages/claim` PackageClaim | ClaimedPackages |
 * | `POST /internal/v1/channel-lists` NewChannelList | ListWritten |
 * | `POST /internal/v1/channel-lists/read` ListRequest | ChannelList (a read) |
 * | `POST /internal/v1/memberships` MembersChange | MembersChanged |
 * | `POST /internal/v1/channel-deletions` ChannelDeletion | ChannelDeleted |
 * | `POST /internal/v1/channel-invitations` ChannelInvitationChange | ChannelInvitationChanged |
 * | `POST /internal/v1/channel-invitations/read` ChannelInvitationsRequest | ChannelInvitations (a read) |
 * | `POST /internal/v1/blocks` BlockChange | BlockChanged |
 * | `POST /internal/v1/blocks/list` BlocksRequest | Blocks (a read) |
 * | `POST /internal/v1/blocks/find` BlockSearch | BlocksFound (a read) |
 * | `POST /internal/v1/bans` BansChange | BansChanged |
 * | `POST /internal/v1/bans/read` BansRequest | BanPage (a read) |
 * | `POST /internal/v1/publications` NewPublication | PublicationWritten (its id makes a repeat harmless, not a mark) |
 * | `POST /internal/v1/mail` NewMail | MailWritten (its ids make a repeat harmless, not a mark) |
 * | `POST /internal/v1/attendances` AttendanceRequest | AttendanceCount (a read) |
 * | `POST /internal/v1/read` ReadRequest | ReadAnswer (a read; needs no one-time mark) |
 * | `GET /internal/v1/nodes` | NodesAnswer (a read) |
 *
 * Writes are idempotent by tag: the first one creates, a repeat answers `exists` and changes nothing. Failures come as
 * problem details (failure.ts).
 */
export const INTERNAL_PATHS = Object.freeze({
  accounts: '/internal/v1/accounts',
  sessions: '/internal/v1/sessions',
  renewals: '/internal/v1/renewals',
  channels: '/internal/v1/channels',
  members: '/internal/v1/members',
  totp: '/internal/v1/totp',
  attempts: '/internal/v1/attempts',
  devices: '/internal/v1/devices',
  revocations: '/internal/v1/revocations',
  recoveries: '/internal/v1/recoveries',
  belongings: '/internal/v1/belongings',
  keyLog: '/internal/v1/key-log',
  keyLogPages: '/internal/v1/key-log/read',
  keyPackages: '/internal/v1/key-packages',
  keyStocks: '/internal/v1/key-packages/stock',
  keyClaims: '/internal/v1/key-packages/claim',
  channelLists: '/internal/v1/channel-lists',
  channelListReads: '/internal/v1/channel-lists/read',
  memberships: '/internal/v1/memberships',
  channelDeletions: '/internal/v1/channel-deletions',
  channelInvitations: '/internal/v1/channel-invitations',
  channelInvitationReads: '/internal/v1/channel-invitations/read',
  blocks: '/internal/v1/blocks',
  blockLists: '/internal/v1/blocks/list',
  blockSearches: '/internal/v1/blocks/find',
  bans: '/internal/v1/bans',
  banReads: '/internal/v1/bans/read',
  publications: '/internal/v1/publications',
  mail: '/internal/v1/mail',
  attendances: '/internal/v1/attendances',
  read: '/internal/v1/read',
  nodes: '/internal/v1/nodes',
});
/** Largest body of a call: the largest one the edge takes (`LIMITS.bodyBytes`), sealed, which makes it less than twice as long. */
export const INTERNAL_BODY_BYTES = 128 * 1024;
