import type { FailureCode, Retry } from './failures.ts';
import type { Position } from './position.ts';

/** The subprotocol both sides offer; the node echoes only this one. */
export const PROTOCOL = 'hushwire.v1';
/** Prefix of the subprotocol that carries the ticket; browsers can send nothing else with an upgrade. */
export const TICKET_PROTOCOL_PREFIX = 'hushwire.ticket.';

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
export type ClientFrame = SubscribeFrame | UnsubscribeFrame | PublishFrame | RefreshFrame | PingFrame;

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
/** Answer to `unsubscribe` and `refresh`. */
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
/** Answer to `ping`. */
export interface PongFrame {
  readonly type: 'pong';
  readonly ref: Ref;
}
export type AnswerFrame = PublishedFrame | SubscribedFrame | DoneFrame | FailedFrame | PongFrame;
export type ServerFrame = WelcomeFrame | AnswerFrame | PublicationFrame | GapFrame | RevokedFrame;
