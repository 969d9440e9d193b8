/**
 * One channel as the application sees it, over any number of connections.
 *
 * Frames are judged the moment they arrive (stream.ts) and then wait in one bounded queue to be decrypted (reader.ts).
 * When that queue is full the connection is given up and resumed from the last frame taken: the log waits, not our
 * memory.
 */
import { randomId, toBase64Url, utf8 } from '../bytes.ts';
import { isMessageId } from '../codec.ts';
import { Failure } from '../failure.ts';
import type { FailureCode } from '../failures.ts';
import type { EphemeralFrame, GapFrame, PublicationFrame, Tag } from '../frame.ts';
import type { Position } from '../position.ts';
import { abortable } from './abort.ts';
import type { Clock } from './clock.ts';
import { type Committed, commit } from './commitment.ts';
import type { ChannelCrypto } from './crypto.ts';
import { Emitter } from './emitter.ts';
import type { Outbox, Outgoing, Published, Route } from './outbox.ts';
import { OpenPresence, type Presence } from './presence.ts';
import { type Message, Reader, type ReaderEvents } from './reader.ts';
import { Stream } from './stream.ts';

export interface ChannelEvents extends ReaderEvents {
  readonly state: ChannelState;
}
/** `idle` not asked for · `subscribing` asked for, or cut off for the moment · `live` · `revoked` · `closed` by us. */
export type ChannelState = 'idle' | 'subscribing' | 'live' | 'revoked' | 'closed';

export interface PublishOptions {
  /** 16 to 36 base64url characters; the same id again never makes a second message. Random by default. */
  readonly id?: string;
  /**
   * Publishes only while this is the position of the channel's last conditional publication (offset 0: there is none);
   * else throws `conflict` with the position of that one. Orders what only one member may do at a time.
   */
  readonly ifCommit?: Position;
  /** To content that the application encrypted itself, opening included (commitment.ts); of no use with the SDK's own keys. */
  readonly commitment?: string;
  /** An abort takes the message back if it was not sent yet; if it was, whether it is published is unknown. */
  readonly signal?: AbortSignal;
}
export interface SubscribeOptions {
  /** Replays what came after this position; without it the subscription begins with the next message. */
  readonly after?: Position;
  /** An abort ends the waiting, not the subscription; `close()` does that. */
  readonly signal?: AbortSignal;
}

/** The handle of one channel. */
export interface Channel {
  readonly channelId: string;
  readonly state: ChannelState;
  /** Position of the newest message taken; hand it to `subscribe` in another process to go on from there. */
  readonly position: Position | undefined;
  /** Who is here, for those who want to be shown. */
  readonly presence: Presence;
  /** Resolves when messages flow, and then keeps it so over reconnects. Throws the code it was refused with. */
  subscribe(options?: SubscribeOptions): Promise<void>;
  /**
   * Encrypts and publishes; resolves when the log has it. Text is sent as UTF-8. Throws `not_subscribed` before
   * `subscribe`, `payload_too_large` over 64 KiB, `conflict` without a key, else as `Outbox.add`.
   */
  publish(content: Uint8Array | string, options?: PublishOptions): Promise<Published>;
  /**
   * Encrypts what nobody keeps (typing, receipts) for whoever reads the channel now, as `ephemeral` events there; it may be
   * lost, is never sent again, and resolves when the node has passed it on. Throws `unavailable` without a connection, else
   * as `publish`. Up to 224 bytes look alike from outside.
   */
  publishEphemeral(content: Uint8Array | string): Promise<void>;
  /** Messages from this call on, in order. A reader 2,000 messages or 8 MiB behind ends with `slow_consumer`. */
  messages(): AsyncIterableIterator<Message>;
  /** From now on nothing is shown, nor told, of senders for whom this is true; one rule at a time. */
  hideSenders(isHidden: (from: Tag) => boolean): void;
  /** Calls back on later events; the returned function ends that. */
  on<K extends keyof ChannelEvents>(name: K, listener: (event: ChannelEvents[K]) => void): () => void;
  /** Unsubscribes, ends readers and rejects unanswered messages with `conflict`. */
  close(): void;
}

export interface ChannelPorts {
  readonly crypto: ChannelCrypto;
  readonly outbox: Outbox;
  readonly clock: Clock;
  /** Over which connection the channel is live now. */
  readonly route: () => Route | undefined;
  /** The channel wants to be read. */
  readonly onWanted: () => void;
  /** The application closed it. */
  readonly onClosed: () => void;
}

/** What became of a frame: `taken`, or why the connection must be given up and resumed. */
export type Taken = 'taken' | 'hole' | 'full';

/** The handle's other side, which the connection's subscriptions drive. */
export class OpenChannel implements Channel {
  readonly channelId: string;
  readonly presence: OpenPresence;
  readonly #ports: ChannelPorts;
  readonly #emitter = new Emitter<ChannelEvents>();
  readonly #reader: Reader;
  #stream = new Stream();
  #state: ChannelState = 'idle';
  #member: Tag | undefined;
  #waiting: { resolve: () => void; reject: (failure: Failure) => void }[] = [];

  constructor(channelId: string, ports: ChannelPorts) {
    this.channelId = channelId;
    this.#ports = ports;
    this.presence = new OpenPresence({ ...ports, requireSubscription: () => this.#requireSubscription() });
    this.#reader = new Reader({
      channelId,
      crypto: ports.crypto,
      isOwn: (from) => from === this.#member,
      emitter: this.#emitter,
      onFault: (failure) => this.#close(failure),
    });
  }

  get state(): ChannelState {
    return this.#state;
  }

  get position(): Position | undefined {
    return this.#stream.position;
  }

  async subscribe({ after, signal }: SubscribeOptions = {}): Promise<void> {
    if (this.#state === 'closed') throw closed();
    if (this.#state === 'live') return;
    if (after !== undefined && this.#state === 'idle') this.#stream = new Stream(after);
    signal?.throwIfAborted();
    const live = new Promise<void>((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      if (this.#state === 'subscribing') return;
      this.#enter('subscribing');
      this.#ports.onWanted();
    });
    await abortable(live, signal, () => undefined);
  }

  async publish(
    content: Uint8Array | string,
    { id = randomId(), ifCommit, commitment, signal }: PublishOptions = {},
  ): Promise<Published> {
    if (!isMessageId(id))
      throw new Failure('bad_request', { detail: 'id must be 16 to 36 base64url characters' });
    this.#requireSubscription();
    const bytes = typeof content === 'string' ? utf8(content) : content;
    const { channelId } = this;
    const sealed = await this.#seal(bytes, { channelId, messageId: id }, commitment);
    this.#requireSubscription();
    signal?.throwIfAborted();
    const { outbox } = this.#ports;
    const published = outbox.add({
      channelId,
      id,
      ...sealed,
      ...(ifCommit === undefined ? {} : { ifCommit }),
    });
    return abortable(published, signal, () => outbox.drop(id));
  }

  async publishEphemeral(content: Uint8Array | string): Promise<void> {
    this.#requireSubscription();
    const id = randomId();
    const plaintext = typeof content === 'string' ? utf8(content) : content;
    const context = { channelId: this.channelId, messageId: id, isEphemeral: true } as const;
    const data = toBase64Url(await this.#ports.crypto.seal(plaintext, context));
    const route = this.#ports.route();
    if (route === undefined) throw new Failure('unavailable', { detail: 'There is no connection now' });
    await route.connection.request({ type: 'publish', channel: route.channel, id, data, ephemeral: true });
  }

  messages(): AsyncIterableIterator<Message> {
    return this.#reader.messages();
  }

  hideSenders(isHidden: (from: Tag) => boolean): void {
    this.#reader.isHidden = isHidden;
  }

  on<K extends keyof ChannelEvents>(name: K, listener: (event: ChannelEvents[K]) => void): () => void {
    return this.#emitter.on(name, listener);
  }

  close(): void {
    this.#close(undefined);
  }

  /** No more of this channel, for good: closed by the application, or with the client for `failure`. */
  end(failure: Failure | undefined): void {
    if (this.#state === 'closed') return;
    this.#enter('closed');
    this.#settle(failure ?? closed());
    this.#ports.outbox.fail(failure ?? closed(), this.channelId);
    this.#reader.end(failure);
    this.presence.end(failure);
    this.#emitter.clear();
  }

  /** A connection carries the channel; publications are recognised as own by `member`. */
  granted(member: Tag): void {
    this.#member = member;
  }

  /** The node answered `subscribe`. False when it left something out. */
  joined(position: Position): boolean {
    if (!this.#stream.joined(position)) return false;
    this.#enter('live');
    this.#settle(undefined);
    return true;
  }

  /** The connection that carries the channel now has taken it over from another one. */
  carried(): void {
    if (this.#state === 'subscribing') this.#enter('live');
  }

  /** The connection is gone, or its grant is. */
  interrupted(): void {
    this.presence.interrupted();
    if (this.#state === 'live') this.#enter('subscribing');
  }

  /** The edge or the node refuses the channel to this account. */
  refused(code: FailureCode): void {
    if (this.#state === 'closed' || this.#state === 'revoked') return;
    this.#enter('revoked');
    const failure = new Failure(code);
    this.#settle(failure);
    this.#ports.outbox.fail(failure, this.channelId);
    this.presence.end(failure);
    this.#reader.push({ type: 'revoked', code });
  }

  receive(frame: PublicationFrame): Taken {
    if (this.#state === 'closed' || this.#state === 'revoked') return 'taken';
    if (this.#reader.isFull) return 'full';
    const arrival = this.#stream.arrive(frame);
    if (arrival === 'hole') return 'hole';
    const { id, from, epoch, offset } = frame;
    if (from === this.#member) this.#ports.outbox.recognise(id, { epoch, offset });
    if (arrival === 'deliver') this.#reader.push(frame);
    return 'taken';
  }

  /** One that finds the queue full is dropped, as it may be anywhere on its way. */
  receiveEphemeral(frame: EphemeralFrame): void {
    const isOver = this.#state === 'closed' || this.#state === 'revoked';
    if (!isOver && !this.#reader.isFull) this.#reader.push(frame);
  }

  skipTo(frame: GapFrame): void {
    if (this.#stream.skipTo(frame.position)) this.#reader.push(frame);
  }

  async #seal(
    bytes: Uint8Array,
    place: Committed,
    made: string | undefined,
  ): Promise<Pick<Outgoing, 'data' | 'commitment'>> {
    const { crypto } = this.#ports;
    if (crypto.isPassThrough) {
      const data = toBase64Url(await crypto.seal(bytes, place));
      return made === undefined ? { data } : { data, commitment: made };
    }
    const { plaintext, commitment } = await commit(bytes, place);
    return { data: toBase64Url(await crypto.seal(plaintext, { ...place, commitment })), commitment };
  }

  #close(failure: Failure | undefined): void {
    if (this.#state === 'closed') return;
    this.#ports.onClosed();
    this.end(failure);
  }

  #requireSubscription(): void {
    if (this.#state === 'closed') throw closed();
    if (this.#state === 'idle' || this.#state === 'revoked') throw new Failure('not_subscribed');
  }

  #enter(state: ChannelState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#emitter.emit('state', state);
  }

  #settle(failure: Failure | undefined): void {
    for (const { resolve, reject } of this.#waiting.splice(0)) {
      if (failure === undefined) resolve();
      else reject(failure);
    }
  }
}

function closed(): Failure {
  return new Failure('conflict', { detail: 'The channel was closed by this client' });
}
