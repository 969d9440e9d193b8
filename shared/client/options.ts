/** What an application hands to the SDK, and what the SDK tells it. */
import type { Failure } from '../failure.ts';
import type { JWK } from '../token.ts';
import type { Clock } from './clock.ts';
import type { ChannelCrypto } from './crypto.ts';
import type { Device, DeviceStore } from './device.ts';
import type { KnownLogStore } from './known-logs.ts';
import type { LinkState } from './link.ts';
import type { EpochStore } from './mail-receiver.ts';
import type { NotResent, Resent } from './outbox.ts';
import type { OutboxStore } from './outbox-store.ts';
import type { Backoff } from './retry.ts';
import type { Through } from './routes.ts';
import type { AskIdToken, AskSecondFactor, SessionStore } from './session.ts';
import type { OpenSocket } from './socket.ts';
import type { Totp } from './totp.ts';

export interface ClientOptions {
  /** Public URL of the edge. */
  readonly edge: string;
  /** Where the device's keys live; forgotten with the process by default. */
  readonly store?: DeviceStore;
  readonly crypto?: (device: Device) => ChannelCrypto;
  /** How sockets are opened; the global `WebSocket` by default. */
  readonly openSocket?: OpenSocket;
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
  readonly backoff?: Backoff;
  /** Straight to a node, through the edge, or `auto` (default): the first, and where that fails the other. */
  readonly through?: Through;
  /** Node to prefer when it takes connections. */
  readonly node?: string;
  /** Node to keep off while another takes connections: for probes that must cross nodes. */
  readonly avoid?: string;
  /**
   * Where unanswered messages of channels wait for the next client of this device, which sends them when it has subscribed
   * to their channel; they end with the client by default.
   */
  readonly outbox?: OutboxStore;
  /** Where the key logs that were seen are remembered; forgotten with the process by default. */
  readonly knownLogs?: KnownLogStore;
  /** Where the epoch of the mailbox is remembered; forgotten with the process by default. */
  readonly mailboxEpochs?: EpochStore;
  /** Where the session is remembered, which then goes on over a restart; each start signs in anew by default. */
  readonly sessions?: SessionStore;
  /**
   * Invitation to sign up with; only for a device without an account. Without one, a service that lets nobody else in throws
   * `invitation_required`.
   */
  readonly invitation?: string;
  /** Vouches for a device without an account; without it, a service that asks for an ID token throws `id_token_required`. */
  readonly idToken?: AskIdToken;
  /** Asks the person for the second factor; without it, signing in throws `second_factor_required` where it takes one. */
  readonly secondFactor?: AskSecondFactor;
  /**
   * Sets a second factor up where the service requires one and the account has none; resolves when it is confirmed. Without
   * it, connecting throws `second_factor_required` there.
   */
  readonly enrol?: (totp: Totp) => Promise<void>;
  /** Longest wait for the first connection, without the time a person is asked; default 30,000 ms. */
  readonly connectTimeoutMs?: number;
  /** Longest time a message, of a channel or for a mailbox, may wait to be accepted, over reconnects; default 60,000 ms, and for what an `outbox` keeps, as long as it takes. */
  readonly publishTimeoutMs?: number;
  /** Gives up the first connection; later on, use `close()`. */
  readonly signal?: AbortSignal;
}

/** The same with what has a default filled in. */
export type Ports = ClientOptions & { readonly clock: Clock; readonly backoff: Backoff };

export interface ClientEvents {
  readonly state: LinkState;
  /** A message that an earlier client with the same `outbox` had left unanswered was published, or is given up here. */
  readonly resent: Resent | NotResent;
  /** `storage_failed`: the `outbox` kept a message that is settled; the next client sends it once more, with the same id. */
  readonly fault: Failure;
}

/** What a peer must know to be invited; it holds no secret, but must come from its owner. */
export interface Card {
  readonly userId: string;
  readonly agreementKey: JWK;
}

/** The edge's URL as assertions and paths take it. */
export function edgeOf({ edge }: { readonly edge: string }): string {
  return edge.replace(/\/+$/, '');
}
