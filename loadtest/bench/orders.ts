/** What the coordinator and a generator process say to each other. */
import type { Manner, Peer, SpeechOptions } from './speech.ts';

export type Order =
  | {
      readonly do: 'connect';
      readonly peers: readonly Peer[];
      readonly speech: SpeechOptions;
      readonly atOnce: number;
    }
  | { readonly do: 'traffic'; readonly traffic: Traffic }
  | { readonly do: 'quiet' }
  | { readonly do: 'mark' }
  | { readonly do: 'read' }
  | { readonly do: 'return'; readonly url: string }
  | { readonly do: 'returned' };

export interface Traffic {
  /** Messages of this generator. */
  readonly perSecond: number;
  /** Characters of each message's data. */
  readonly bytes: number;
  readonly manner: Manner;
  /** How many of its connections send, in turn; default all. */
  readonly senders?: number;
}

/** What one generator counted since the last `mark`, and how well it was itself. */
export interface Reading {
  readonly sent: number;
  readonly received: number;
  readonly acked: number;
  readonly refused: number;
  readonly recovered: number;
  /** Connections that ended without being asked to. */
  readonly lost: number;
  readonly latencies: readonly number[];
  /** Share of one core. */
  readonly cpu: number;
  readonly loopDelayP99Ms: number;
}

export interface Connected {
  readonly ready: number;
  /** Upgrades and connections that were refused or failed and were tried again. */
  readonly retries: number;
  /** From the first attempt to the last connection ready. */
  readonly ms: number;
}

/** The answers, by order. */
export interface Answers {
  connect: Connected;
  traffic: undefined;
  quiet: undefined;
  mark: undefined;
  read: Reading;
  return: undefined;
  returned: Connected;
}

export interface Envelope {
  readonly id: number;
  readonly order: Order;
}
export interface Reply {
  readonly id: number;
  readonly result?: unknown;
  readonly fault?: string;
}
