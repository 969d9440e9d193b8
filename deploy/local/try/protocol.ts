/** What the parent asks of a client process and what comes back: one JSON message each way over the IPC channel. */
import type { JWK } from '../../../shared/token.ts';

/** Milliseconds of the system's monotonic clock, which all processes of one machine share. */
export type MonotonicMs = number;

export interface Opened {
  readonly userId: string;
  readonly deviceId: string;
  readonly agreementKey: JWK;
  readonly node: string;
  readonly isThroughEdge: boolean;
  /** Every node the edge named. */
  readonly nodes: readonly string[];
}
/** A message this client decrypted. */
export interface Received {
  readonly id: string;
  readonly text: string;
  readonly from: string;
  readonly isOwn: boolean;
  readonly offset: number;
  readonly atMs: MonotonicMs;
}
export interface Sent {
  readonly id: string;
  readonly offset: number;
  readonly atMs: MonotonicMs;
}
/** Everything one client has seen, for the search. */
export interface Evidence {
  /** Frames as they went over its sockets, in both directions. */
  readonly frames: readonly string[];
  /** The raw channel key, base64url. */
  readonly key: string;
  readonly gaps: number;
  readonly unreadable: number;
}

interface Ask<Q, A> {
  readonly question: Q;
  readonly answer: A;
}
type Nothing = Record<string, never>;

export interface Questions {
  /** Connects, with a new account the first time. */
  open: Ask<{ readonly edge: string; readonly node?: string; readonly through: 'direct' | 'edge' }, Opened>;
  /** Ends the connection in good order; the account and what was received stay. */
  close: Ask<Nothing, Nothing>;
  createChannel: Ask<Nothing, { readonly channelId: string }>;
  addMember: Ask<{ readonly channelId: string; readonly userId: string }, Nothing>;
  shareKey: Ask<{ readonly channelId: string; readonly agreementKey: JWK }, { readonly jwe: string }>;
  acceptKey: Ask<{ readonly channelId: string; readonly jwe: string }, Nothing>;
  /** Goes on after what was received before, if anything was. */
  subscribe: Ask<{ readonly channelId: string }, Nothing>;
  /** Publishes one after another, each after the answer to the last. */
  publish: Ask<{ readonly texts: readonly string[] }, { readonly sent: readonly Sent[] }>;
  /** Everything received so far, once there are `count` messages of others. */
  received: Ask<{ readonly count: number }, { readonly messages: readonly Received[] }>;
  /** Destroys the socket as a dead network would, and keeps the network away. Hands `text` over to be published then. */
  cut: Ask<{ readonly text: string }, Nothing>;
  /** The network is back; answers when the client is online again and what it was handed is published. */
  restore: Ask<Nothing, { readonly node: string; readonly sent: Sent }>;
  evidence: Ask<{ readonly channelId: string }, Evidence>;
}
export type QuestionName = keyof Questions;

export type Request = {
  readonly [K in QuestionName]: {
    readonly id: number;
    readonly name: K;
    readonly question: Questions[K]['question'];
  };
}[QuestionName];
/** `fault`: what was thrown, in words. */
export type Reply = { readonly id: number } & ({ readonly answer: object } | { readonly fault: string });

/** Now, on the clock that `MonotonicMs` means: libuv reads CLOCK_MONOTONIC, whose zero is the machine's start. */
export function monotonicMs(): MonotonicMs {
  return Number(process.hrtime.bigint()) / 1e6;
}
