import type { FailureCode, Retry } from './failures.ts';
import type { Position } from './position.ts';

/** The subprotocol both sides offer; the node echoes only this one. */
export const PROTOCOL = 'hushwire.v1';
/** Prefix of the subprotocol that carries the ticket; browsers can send nothing else with an upgrade. */
export const TICKET_PROTOCOL_PREFIX = 'hushwire.ticket.';

/** Where sockets are opened, at a node as at the edge. */
export const SOCKET_PATH = '/v1/socket';

/** Correlates a command with its one answer; chosen by the client, 1 to 2^32 − 1. */
export type Ref = number;
/** Keyed pseudonym of an id: 22 base64url characters (128 bit). */
export type Tag = string;

// ---- client → node ----

export interface SubscribeFrame {
  readonly type: 'subscribe';
  readonly ref: Ref;
  /** A grant bundle; may be left out where an earlier frame of this connection brought it. */
  readonly grants?: string;
  readonly channels: readonly SubscribeItem[];
}
export interface SubscribeItem {
  readonly channel: Tag;
  /** The last position the client holds; without it the subscription begins at the head. */
  readonly position?: Position;
}
export interface UnsubscribeFrame {
  readonly type: 'unsubscribe';
  readonly ref: Ref;
  readonly channels: readonly Tag[];
}
export interface PublishFrame {
  readonly type: 'publish';
  readonly ref: Ref;
  readonly channel: Tag;
  /** Client message id; a retry with the same id gets the same position. */
  readonly id: string;
  /** Ciphertext, base64url. */
  readonly data: string;
  /** Reaches who is subscribed now, and is kept nowhere. */
  readonly ephemeral?: true;
  /** Accepted only if this is the position of the channel's last conditional publication (offset 0: there is none). */
  readonly ifCommit?: Position;
  /** What the sender commits to: 32 bytes as base64url. The node stamps it, so that the message can be reported. */
  readonly commitment?: string;
}
/** Puts ciphertext into mailboxes of devices; one answer with a verdict for each item. */
export interface SendFrame {
  readonly type: 'send';
  readonly ref: Ref;
  /** A mailbox grant; may be left out where an earlier frame of this connection brought it. */
  readonly grants?: string;
  readonly items: readonly SendItem[];
}
export interface SendItem {
  readonly mailbox: Tag;
  /** Client message id; a retry with the same id is queued once. */
  readonly id: string;
  /** Ciphertext, base64url. */
  readonly data: string;
}
/** Makes this connection the one that receives, and acks, the mailbox of its device. */
export interface AttachFrame {
  readonly type: 'attach';
  readonly ref: Ref;
}
/** Confirms items of the mailbox; the node deletes them. */
export interface AckFrame {
  readonly type: 'ack';
  readonly ref: Ref;
  /** Pairs of first and last sequence number, both included, in the epoch of the attachment. */
  readonly ranges: readonly SeqRange[];
}
/** First and last sequence number of mailbox items, both included. */
export type SeqRange = readonly [number, number];
/** Whether this connection is shown as present in a channel it reads, and whether it is told who is. */
export interface AttendFrame {
  readonly type: 'presence';
  readonly ref: Ref;
  readonly channel: Tag;
  readonly show: boolean;
  readonly watch: boolean;
}
export interface RefreshFrame {
  readonly type: 'refresh';
  readonly ref: Ref;
  /** A new ticket of the same session and device. */
  readonly ticket: string;
  readonly grants?: string;
}
export interface PingFrame {
  readonly type: 'ping';
  readonly ref: Ref;
}
export type ClientFrame =
  | SubscribeFrame
  | UnsubscribeFrame
  | PublishFrame
  | SendFrame
  | AttachFrame
  | AckFrame
  | AttendFrame
  | RefreshFrame
  | PingFrame;

// ---- node → client ----

export interface WelcomeFrame {
  readonly type: 'welcome';
  readonly node: string;
  readonly connection: string;
  /** The limits that hold on this connection. */
  readonly limits: {
    readonly frameBytes: number;
    readonly dataBytes: number;
    readonly channels: number;
    readonly pendingCommands: number;
  };
}
/** Answer to `publish`. `duplicate` tells that this id was accepted before. */
export interface PublishedFrame {
  readonly type: 'ok';
  readonly ref: Ref;
  readonly position: Position;
  readonly duplicate?: true;
}
/** Answer to `subscribe`: one item per asked channel, in the asked order. */
export interface SubscribedFrame {
  readonly type: 'ok';
  readonly ref: Ref;
  readonly channels: readonly SubscribedItem[];
}
export type SubscribedItem =
  | { readonly channel: Tag; readonly position: Position }
  | { readonly channel: Tag; readonly code: FailureCode; readonly retry: Retry };
/** Answer to `send`: one item for each asked one, in the asked order. Whether the device is connected is told to nobody. */
export interface SentFrame {
  readonly type: 'ok';
  readonly ref: Ref;
  readonly items: readonly SentItem[];
}
export type SentItem =
  | { readonly mailbox: Tag }
  | { readonly mailbox: Tag; readonly code: FailureCode; readonly retry: Retry };
/** Answer to `attach`. Another epoch than the last one means that items may be lost. */
export interface AttachedFrame {
  readonly type: 'ok';
  readonly ref: Ref;
  readonly epoch: string;
}
/** Answer to `unsubscribe`, `ack`, `presence`, `refresh` and an ephemeral `publish`. */
export interface DoneFrame {
  readonly type: 'ok';
  readonly ref: Ref;
}
export interface FailedFrame {
  readonly type: 'failed';
  readonly ref: Ref;
  readonly code: FailureCode;
  readonly retry: Retry;
  readonly detail?: string;
  readonly retryAfterMs?: number;
  /** With `conflict` to a conditional publish: the position of the last conditional publication. */
  readonly position?: Position;
}
export interface PublicationFrame {
  readonly type: 'publication';
  readonly epoch: string;
  readonly offset: number;
  readonly channel: Tag;
  readonly id: string;
  /** Member tag of the sender, stamped by the node from the grant. */
  readonly from: Tag;
  readonly data: string;
  /** As its sender sent it; the commitment of a message that can be reported. */
  readonly commitment?: string;
  /** The node's word for all of this; only with a commitment, from nodes that have a franking key. */
  readonly stamp?: string;
}
/** A message that was kept nowhere: without position, never replayed, possibly lost. */
export interface EphemeralFrame {
  readonly type: 'ephemeral';
  readonly channel: Tag;
  readonly id: string;
  readonly from: Tag;
  readonly data: string;
}
/**
 * Who is present in a watched channel: `members` are all of them, `joined` and `left` change what was told before. With
 * none of these there are too many to name, and only the count is told.
 */
export interface PresenceFrame {
  readonly type: 'presence';
  readonly channel: Tag;
  readonly count: number;
  readonly members?: readonly Tag[];
  readonly joined?: readonly Tag[];
  readonly left?: readonly Tag[];
}
/** One item of this device's mailbox. Stays there until acked; comes again after a reconnect otherwise. */
export interface DeliveryFrame {
  readonly type: 'delivery';
  readonly epoch: string;
  readonly seq: number;
  readonly id: string;
  readonly data: string;
}
/** The mailbox is no longer received on this connection. */
export interface DetachedFrame {
  readonly type: 'detached';
  readonly code: FailureCode;
}
/** Publications before `position` may be missing; the stream goes on with `position.offset + 1`. */
export interface GapFrame {
  readonly type: 'gap';
  readonly channel: Tag;
  readonly position: Position;
  readonly reason: GapReason;
}
/** `trimmed`: the log no longer reaches back that far · `epoch`: the store may have lost data. */
export type GapReason = 'trimmed' | 'epoch';
/** The connection is no longer subscribed to this channel. */
export interface RevokedFrame {
  readonly type: 'revoked';
  readonly channel: Tag;
  readonly code: FailureCode;
}
/**
 * The node is going away: open a connection elsewhere once `afterMs` has passed, then leave this one. Everything works on
 * it meanwhile.
 */
export interface MovedFrame {
  readonly type: 'moved';
  readonly afterMs: number;
  /** Nodes that took connections when this was sent; the edge knows better. */
  readonly origins: readonly { readonly node: string; readonly url: string }[];
}
/** Answer to `ping`. */
export interface PongFrame {
  readonly type: 'pong';
  readonly ref: Ref;
}
export type AnswerFrame =
  | PublishedFrame
  | SubscribedFrame
  | SentFrame
  | AttachedFrame
  | DoneFrame
  | FailedFrame
  | PongFrame;
export type ServerFrame =
  | WelcomeFrame
  | AnswerFrame
  | PublicationFrame
  | EphemeralFrame
  | PresenceFrame
  | DeliveryFrame
  | DetachedFrame
  | GapFrame
  | RevokedFrame
  | MovedFrame;
