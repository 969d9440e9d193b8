/** What the origin core needs from outside, written from its own need. Adapters fill these; nothing else may. */

import type { GapReason, Tag } from '../shared/frame.ts';
import type { Relayed, Stamp } from '../shared/franking.ts';
import type {
  AccountWritten,
  AttemptAnswer,
  NewAccount,
  NewAttempt,
  NewSession,
  SessionRenewal,
  SessionWritten,
  TotpChange,
  TotpWritten,
} from '../shared/internal/accounts.ts';
import type {
  BanPage,
  BansChange,
  BansChanged,
  BlockChange,
  BlockChanged,
  BlockRow,
  BlockSearch,
} from '../shared/internal/bans.ts';
import type {
  ChannelDeleted,
  ChannelInvitationChange,
  ChannelInvitationChanged,
  ChannelInvitations,
  MembersChange,
  MembersChanged,
  NewChannel,
  NewMember,
} from '../shared/internal/channels.ts';
import type {
  Belongings,
  DeviceWritten,
  NewDevice,
  Recovered,
  Recovery,
  Revocation,
  Revoked,
} from '../shared/internal/devices.ts';
import type {
  ChannelList,
  ClaimedPackages,
  ListWritten,
  LogPage,
  LogPageRequest,
  LogWritten,
  NewChannelList,
  NewLogEntry,
  NewPackages,
  PackageClaim,
  PackagesWritten,
  Stock,
} from '../shared/internal/keys.ts';
import type { ReadAnswer, ReadRequest, Written } from '../shared/internal/records.ts';
import type { NodeInfo } from '../shared/internal/relay.ts';
import type { Position } from '../shared/position.ts';

/** The one-time mark of an internal call; redeemed in the transaction of the write it came with. */
export interface CallMark {
  readonly jti: string;
  readonly expiresAtMs: number;
}

/**
 * The durable truth. A write and its mark are one transaction: both happen or neither. A mark that was redeemed before
 * throws Failure `conflict`. Throws Failure `unavailable` when the store does not answer within its deadline.
 */
export interface Records {
  createAccount(account: NewAccount, mark: CallMark): Promise<AccountWritten>;
  createSession(session: NewSession, mark: CallMark): Promise<SessionWritten>;
  renewSession(renewal: SessionRenewal, mark: CallMark): Promise<Written>;
  createChannel(channel: NewChannel, mark: CallMark): Promise<Written>;
  addMember(member: NewMember, mark: CallMark): Promise<Written>;
  changeTotp(change: TotpChange, mark: CallMark): Promise<TotpWritten>;
  attempt(attempt: NewAttempt, mark: CallMark): Promise<AttemptAnswer>;
  read(request: ReadRequest): Promise<ReadAnswer>;
  /** Round trip to the store in milliseconds. */
  ping(): Promise<number>;
}

/** A run of revocations, oldest first; there may be more when `isWhole` is false. */
export interface RevocationPage {
  /** Tags of sessions and devices that were ended. */
  readonly tags: readonly Tag[];
  /** Number to read on from. */
  readonly last: number;
  /** Number of the newest revocation; a lower one than `last` means that the store lost some, and counts anew. */
  readonly head: number;
  readonly isWhole: boolean;
}

/** What was ended before its time. Marks and failures as for Records; an ending and its revocation are one transaction. */
export interface RevocationRecords {
  addDevice(device: NewDevice, mark: CallMark): Promise<DeviceWritten>;
  revoke(revocation: Revocation, mark: CallMark): Promise<Revoked>;
  /** One transaction: the entry, its device, and the end of every other one. */
  recover(recovery: Recovery, mark: CallMark): Promise<Recovered>;
  belongings(account: Tag): Promise<Belongings>;
  /** Revocations of the last three days after number `after`. None is ever numbered below one that was read before. */
  readRevocations(after: number): Promise<RevocationPage>;
}

/** Key logs and key packages. Marks and failures as for Records; a claim is final, also when its answer is lost. */
export interface KeyRecords {
  /** Of many at once that follow the same entry one is appended. */
  appendEntry(entry: NewLogEntry, mark: CallMark): Promise<LogWritten>;
  readLog(request: LogPageRequest): Promise<LogPage>;
  addPackages(packages: NewPackages, mark: CallMark): Promise<PackagesWritten>;
  readStock(device: Tag): Promise<Stock>;
  /** No package is in two answers. */
  claimPackages(claim: PackageClaim, mark: CallMark): Promise<ClaimedPackages>;
}

/** Lists of channels that only an account's devices can read. Marks and failures as for Records. */
export interface ListRecords {
  /** Of many at once that follow the same version one is written. */
  writeList(list: NewChannelList, mark: CallMark): Promise<ListWritten>;
  readList(account: Tag): Promise<ChannelList>;
}

/** Memberships and bans. Marks and failures as for Records. */
export interface ModerationRecords {
  /** One change of a channel after another; all of it or nothing. */
  changeMembers(change: MembersChange, mark: CallMark): Promise<MembersChanged>;
  /** All of a channel but its bans in force, and the revocation of its tag with it. */
  deleteChannel(channel: Tag, mark: CallMark): Promise<ChannelDeleted>;
  /** Places and lifts service-wide bans. */
  placeBans(change: BansChange, mark: CallMark): Promise<BansChanged>;
  /** Bans in force after a tag; service-wide ones without a channel. */
  listBans(channel: Tag | undefined, after: string): Promise<BanPage>;
}

/** Whom accounts do not want to hear of. Marks and failures as for Records. */
export interface BlockRecords {
  changeBlock(change: BlockChange, mark: CallMark): Promise<BlockChanged>;
  listBlocks(account: Tag): Promise<readonly BlockRow[]>;
  /** Those of these blocks, and of these service-wide bans, that are in force. */
  findBlocks(search: BlockSearch): Promise<readonly Tag[]>;
}

/** Invitations to channels. Marks and failures as for Records. */
export interface InvitationRecords {
  changeInvitation(change: ChannelInvitationChange, mark: CallMark): Promise<ChannelInvitationChanged>;
  listInvitations(channel: Tag): Promise<ChannelInvitations>;
}

/**
 * Tells every node at once what was ended. Only a hint: it may be lost, repeated or invented by whoever holds the relay,
 * so it is used for nothing but ending access early, and the durable revocations are read all the same.
 */
export interface Control {
  /** Throws Failure `unavailable`. */
  hint(tags: readonly Tag[]): Promise<void>;
  /** Resolves once every later hint will reach the listener; throws `unavailable`. */
  listen(listener: ControlListener): Promise<void>;
  /** Milliseconds since it showed that hints arrive. */
  silentMs(): number;
}
export interface ControlListener {
  /** `sentAtMs`: when the node sent it that was told; undefined from nodes that do not say. */
  onHint(tags: readonly Tag[], sentAtMs?: number): void;
  /** Hints may have been missed. */
  onInterrupted(): void;
}

/** What a publisher hands to the broker. `body` is opaque to it (codec.ts, `encodePublicationBody`). */
export interface Outgoing {
  readonly channel: Tag;
  readonly id: string;
  readonly body: string;
  /** Only if this is the position of the channel's last conditional publication (offset 0: there is none). */
  readonly ifCommit?: Position;
}
/**
 * `duplicate`: this id was accepted before, at this position; that is looked at before the condition, so that the retry
 * of a winner is no conflict. `conflict`: nothing was appended, and `position` is the last conditional publication's.
 */
export interface Accepted {
  readonly outcome: 'accepted' | 'duplicate' | 'conflict';
  readonly position: Position;
}
/** A publication as it comes live or from the log. */
export interface LoggedPublication {
  readonly position: Position;
  readonly body: string;
}
/** One page of a channel's log, oldest first. */
export interface Page {
  /** Position of the newest publication of the channel, offset 0 when there is none. */
  readonly head: Position;
  /** Where this page begins: the asked position, or the place after a gap. The head when only that was asked for. */
  readonly start: Position;
  /** Publications after `start`, without holes, up to the page's bound. */
  readonly publications: readonly LoggedPublication[];
  /** Set when publications between the asked position and `start` are gone; the reader must be told. */
  readonly gap?: GapReason;
}

/**
 * Carries publications between nodes and keeps the channel logs.
 *
 * Guarantee: `publish` answers only after check, append and announcement happened as one atomic step. Announcements of
 * one channel arrive in offset order, at most once; the log is the repair for those that do not arrive. All calls throw
 * Failure `unavailable` within a few seconds when the relay does not answer; the outcome is then unknown, and a retry
 * with the same id is safe.
 */
export interface Broker {
  publish(outgoing: Outgoing): Promise<Accepted>;
  /** Announces a body that is kept nowhere; resolves when the relay has taken it. */
  announce(channel: Tag, body: string): Promise<void>;
  /** Deletes the log and all that belongs to it, as if the channel had never been. */
  forget(channel: Tag): Promise<void>;
  /** Log after `after`, or only the head when `after` is undefined. */
  read(channel: Tag, after: Position | undefined): Promise<Page>;
  /** Resolves once every later announcement of the channel will reach `onPublication`. */
  subscribe(channel: Tag): Promise<void>;
  unsubscribe(channel: Tag): void;
  /** Set once, by the hub. `onInterrupted`: announcements may have been missed on every subscribed channel. */
  listen(listener: BrokerListener): void;
}
export interface BrokerListener {
  onPublication(channel: Tag, publication: LoggedPublication): void;
  onEphemeral(channel: Tag, body: string): void;
  onInterrupted(): void;
}

/** One encrypted item for one device. `sender` is a tag that changes daily; it only counts the sender's share. */
export interface Letter {
  readonly mailbox: Tag;
  readonly sender: Tag;
  readonly id: string;
  readonly body: string;
}
/** `queued`: kept until the device acks it or it expires · `known`: this id was queued before. */
export type Posted =
  | { readonly outcome: 'queued' | 'known'; readonly seq: number }
  | { readonly outcome: 'mailbox_full' | 'sender_full' };
/** The right to ack: the newest connection of a device holds it, by the same fence for as long as it stays the newest. */
export interface Attachment {
  readonly mailbox: Tag;
  readonly epoch: string;
  readonly fence: number;
}
export interface MailboxItem {
  readonly seq: number;
  readonly body: string;
}
export interface MailboxPage {
  /** Another one than the attachment's: items may have been lost, claim the mailbox and tell the device. */
  readonly epoch: string;
  readonly items: readonly MailboxItem[];
}
/** First and last sequence number, both included. */
export type SeqRange = readonly [number, number];

/**
 * One durable queue per device. `post` answers only after duplicate check, quotas and append happened as one atomic
 * step; it never tells whether the device is connected. Numbers grow by one within an epoch. All calls throw Failure
 * `unavailable` when the relay does not answer; the outcome is then unknown, and a retry with the same id is safe.
 */
export interface Mailboxes {
  post(letter: Letter): Promise<Posted>;
  /** Supersedes every earlier attachment of the device. */
  attach(mailbox: Tag): Promise<Attachment>;
  /**
   * Goes on owning the mailbox in its new epoch; undefined when a newer connection owns it, or claimed it. Without this
   * two connections that both outlived the store could not tell which of them is the newest.
   */
  claim(attachment: Attachment): Promise<Attachment | undefined>;
  /** The oldest items after `afterSeq`, up to the page's bound of 32 items and 256 KiB. */
  read(mailbox: Tag, afterSeq: number): Promise<MailboxPage>;
  /** Deletes acked items. `superseded` by a newer connection, and `over` when the epoch is: nothing is deleted then. */
  ack(attachment: Attachment, ranges: readonly SeqRange[]): Promise<'deleted' | 'superseded' | 'over'>;
  /** Resolves once every later event of the mailbox will reach the listener. */
  watch(mailbox: Tag): Promise<void>;
  unwatch(mailbox: Tag): void;
  listen(listener: MailboxListener): void;
}
export interface MailboxListener {
  /** An item was queued. */
  onItem(mailbox: Tag): void;
  /** A newer connection of the device attached with this fence. */
  onAttached(mailbox: Tag, fence: number): void;
  /** Events may have been missed on every watched mailbox. */
  onInterrupted(): void;
}

/** Who is here in a channel. */
export interface Attendance {
  readonly count: number;
  /** Absent in a channel with more than `presenceNames` (shared/limits.ts) present. */
  readonly members?: readonly Tag[];
  /** After so long somebody is gone, unless shown again; absent when nobody is here. */
  readonly nextMs?: number;
}

/**
 * Who is here, by member tag, among all nodes. A member is here for `lifeMs` after it was last shown; after `leave` for a few
 * seconds more, in which being shown again goes unnoticed. Announcements are hints: they may be lost, and the next read
 * tells all the same. All calls throw Failure `unavailable` when the relay does not answer.
 */
export interface Presences {
  /** How long a show lasts. */
  readonly lifeMs: number;
  /** Shows up to 10,000 members of one channel (again); resolves to those there was no room for. */
  show(channel: Tag, members: readonly Tag[]): Promise<readonly Tag[]>;
  leave(channel: Tag, member: Tag): Promise<void>;
  read(channel: Tag): Promise<Attendance>;
  /** Resolves once every later announcement of the channel will reach the listener. */
  watch(channel: Tag): Promise<void>;
  unwatch(channel: Tag): void;
  listen(listener: PresenceListener): void;
}
export interface PresenceListener {
  /** Somebody is here who was not. */
  onShown(channel: Tag): void;
  /** A member left one node; it may be here on another one. */
  onLeaving(channel: Tag, member: Tag): void;
  /** Announcements may have been missed on every watched channel. */
  onInterrupted(): void;
}

/** One-time redemption of tickets, by `jti`. True exactly once per jti within its life. */
export interface Redemptions {
  redeem(jti: string, lifeSeconds: number): Promise<boolean>;
}

/** Which nodes exist; entries vanish when their node stops announcing itself. */
export interface Registry {
  announce(self: NodeInfo): Promise<void>;
  withdraw(node: string): Promise<void>;
  nodes(): Promise<readonly NodeInfo[]>;
}

/** Sends to one connection; written so that the core never sees the socket library. */
export interface Socket {
  /** Sends one text frame. `full`: the peer reads too slowly and the connection must close. */
  send(text: string): 'sent' | 'queued' | 'full';
  /** Bytes accepted by `send` that the peer has not taken yet. */
  bufferedBytes(): number;
  /** Resolves when `bufferedBytes` fell to zero or the socket closed. */
  drained(): Promise<void>;
  /** Joins or leaves a node-local fan-out: a channel's, by its tag, or that of its presence (roster.ts). */
  join(topic: string): void;
  leave(topic: string): void;
  close(code: number, reason: string): void;
}

/** What the listener reports of one connection. */
export interface ConnectionEvents {
  start(ticket: string | undefined): void;
  /** `text` is undefined for a binary message. */
  receive(text: string | undefined, bytes: number): void;
  /** The socket is gone. `isSlow`: it was cut for its backlog. */
  ended(isSlow: boolean): void;
}

/** Sends one encoded frame to every connection of this node that joined the topic. */
export type FanOut = (topic: string, text: string) => void;

/** Stamps what a node relays under the key of the day; at once, so that messages of one tick stay in order. */
export type Stamper = (relayed: Relayed, nowMs: number) => Stamp;
