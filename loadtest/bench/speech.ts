import type { Address } from './wire.ts';

/** One client as the rows want it: where it connects, which channel it reads, into which it publishes. */
export interface Peer {
  /** Base URL of its server process, `ws://host:port`. */
  readonly url: string;
  readonly reads: string;
  readonly writes: string;
  /** Which node an edge is to pass it on to. */
  readonly node?: string;
}

/** What one payload of a server means to the generator; everything else it says is of no concern. */
export type Heard = 'message' | 'ack' | 'refused' | 'ready' | 'ping' | 'recovered' | 'other';

/** The client's half of one kind of server, on one connection. */
export interface Talk {
  readonly address: Address;
  /** What to say on opening, if anything. */
  readonly hello?: string;
  /** Reads one payload; a string is to be sent back. */
  hear(payload: Buffer): Heard | { readonly reply: string };
  /** `data` for the channel the peer writes into. */
  say(data: string, how: Manner): string;
}

export interface Manner {
  /** Kept nowhere, where the server knows the difference. */
  readonly isEphemeral: boolean;
  /** Asks for an answer, where the server has them. */
  readonly isAcked: boolean;
}

/** One kind of server; credentials are made beforehand, so that making them is no part of what is measured. */
export interface Speech {
  /** A connection of a peer; `last` is its connection before this one. */
  prepare(peer: Peer, last?: Talk): Promise<Talk>;
}

/** What a generator needs to know to speak with one target; survives being sent between processes. */
export type SpeechOptions =
  | { readonly kind: 'bare' }
  | { readonly kind: 'socket.io' }
  | { readonly kind: 'hushwire'; readonly issuer: string; readonly signingKeys: string };

export function addressOf(url: string, path: string, protocols?: readonly string[]): Address {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port), path, ...(protocols === undefined ? {} : { protocols }) };
}
