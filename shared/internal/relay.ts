/** What the edge hands to the relay for those who have no socket, and the nodes it may send the others to (calls.ts). */
import type { SendItem, SentItem, Tag } from '../frame.ts';
import type { Position } from '../position.ts';

/** Ciphertext of a service account, published in a channel as one of its members. */
export interface NewPublication {
  readonly channel: Tag;
  readonly member: Tag;
  readonly id: string;
  /** base64url. */
  readonly data: string;
  /** Goes to whoever is there, and into no log. */
  readonly ephemeral?: boolean;
  readonly ifCommit?: Position;
}
/** Without a position: it was ephemeral. */
export interface PublicationWritten {
  readonly outcome: 'accepted' | 'duplicate' | 'conflict';
  readonly position?: Position;
}
/** Ciphertext for mailboxes, whose grants the edge has checked. */
export interface NewMail {
  readonly sender: Tag;
  readonly items: readonly SendItem[];
}
/** Each item's own verdict, in the order of the request. */
export interface MailWritten {
  readonly items: readonly SentItem[];
}
/** How many members of a channel show that they are there. */
export interface AttendanceRequest {
  readonly channel: Tag;
}
export interface AttendanceCount {
  readonly present: number;
}
export interface NodeInfo {
  readonly node: string;
  /** Public WebSocket URL of the node, `ws:` or `wss:`, without path. */
  readonly url: string;
  readonly connections: number;
  /** Share of what the node can hold, 0 to 1; a node of a release that did not tell it counts as empty. */
  readonly fullness?: number;
  readonly isDraining: boolean;
}
export interface NodesAnswer {
  readonly nodes: readonly NodeInfo[];
}
