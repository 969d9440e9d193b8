/**
 * The channels read over one connection: brings every wanted channel from "granted" to "live" and keeps it there.
 *
 * One loop asks the edge for grants of what is not live yet, 100 channels at a time, subscribes each at the position
 * it stands at, and goes on with growing pauses until all are live. At about 80 % of the grants' life another asks for
 * new ones and hands them over by `refresh`. Both end with the connection; a new connection begins with new objects.
 */
import { Failure, toFailure } from '../failure.ts';
import type { FailureCode } from '../failures.ts';
import type { SubscribedItem, Tag } from '../frame.ts';
import { LIMITS } from '../limits.ts';
import type { Admission, Granted } from './answers.ts';
import type { Api } from './api.ts';
import type { ChannelState, OpenChannel } from './channel.ts';
import { type Clock, wait } from './clock.ts';
import {
  type Connection,
  type Event,
  failureOf,
  type MailEvent,
  SUBSCRIBE_DEADLINE_MS,
} from './connection.ts';
import type { Route } from './outbox.ts';
import { type Backoff, pauseMs } from './retry.ts';

export interface SubscriptionPorts {
  readonly connection: Connection;
  readonly api: Pick<Api, 'connect'>;
  readonly clock: Clock;
  readonly backoff: Backoff;
  /** What the application wants to read, kept up to date by its owner. */
  readonly wanted: ReadonlyMap<string, OpenChannel>;
  /** A channel may be published to. */
  readonly onLive: () => void;
}

/** Share of the grants' life after which they are renewed, and how much of it chance adds, so that clients spread. */
const REFRESH_AT = 0.75;
const REFRESH_SPREAD = 0.1;
/** What a connection without grants is renewed by; a node lets it stay twice as long. */
const TICKET_LIFE_MS = LIMITS.stayMs / 2;
/** However short a life the edge tells, it is not asked more often than this. */
const REFRESH_MIN_MS = 1_000;

/** Asked for and not refused. A channel may be live on the connection that this one is to replace. */
const WANTED_STATES: readonly ChannelState[] = ['subscribing', 'live'];

export class Subscriptions {
  readonly #ports: SubscriptionPorts;
  readonly #granted = new Map<string, Granted>();
  readonly #byTag = new Map<Tag, OpenChannel>();
  readonly #live = new Set<OpenChannel>();
  readonly #stop = new AbortController();
  #isSyncing = false;
  #isRefreshing = false;
  #cancelRefresh: (() => void) | undefined;
  #refreshAtMs = 0;

  constructor(ports: SubscriptionPorts) {
    this.#ports = ports;
  }

  /** Brings every wanted channel to life, beginning with what `admission` grants. Never rejects. */
  async sync(admission?: Admission): Promise<void> {
    if (this.#isSyncing) return;
    this.#isSyncing = true;
    if (admission !== undefined) this.#armRefresh(admission.grantsExpireInMs);
    await this.#untilDone((isFirst) => this.#syncOnce(isFirst ? admission : undefined));
    this.#isSyncing = false;
    // One that was wanted between the last look and here found the loop still running.
    if (!this.#stop.signal.aborted && this.#missing().length > 0) await this.sync();
  }

  /** Renews the connection and the grants of every live channel. Never rejects; one that runs already serves. */
  async refresh(): Promise<void> {
    if (this.#isRefreshing) return;
    this.#isRefreshing = true;
    this.#cancelRefresh?.();
    this.#cancelRefresh = undefined;
    const left = [...this.#live];
    let isRenewed = false;
    await this.#untilDone(async () => {
      if (isRenewed && left.length === 0) return 'done';
      await this.#refreshOnce(left);
      isRenewed = true;
      return 'more';
    });
    this.#isRefreshing = false;
  }

  /** One event of this connection. */
  receive(event: Exclude<Event, MailEvent>): void {
    const channel = this.#byTag.get(event.channel);
    if (channel === undefined) return;
    if (event.type === 'gap') return channel.skipTo(event);
    if (event.type === 'presence') return channel.presence.receive(event);
    if (event.type === 'ephemeral') return channel.receiveEphemeral(event);
    if (event.type === 'revoked') return this.#revoked(channel, event.code);
    const taken = channel.receive(event);
    if (taken === 'hole') this.#giveUp('unavailable', 'The node left something out');
    if (taken === 'full') this.#giveUp('slow_consumer', 'Messages come faster than they are decrypted');
  }

  routeOf(channelId: string): Route | undefined {
    const granted = this.#granted.get(channelId);
    const channel = this.#ports.wanted.get(channelId);
    const { connection } = this.#ports;
    if (granted === undefined || channel === undefined || !connection.isOpen) return undefined;
    return this.#live.has(channel) ? { connection, channel: granted.channel } : undefined;
  }

  /** The application left the channel. */
  leave(channel: OpenChannel): void {
    const tag = this.#forget(channel);
    this.#granted.delete(channel.channelId);
    if (tag !== undefined) this.#unsubscribe(tag);
  }

  /** The connection is over. */
  end(): void {
    this.retire();
    for (const channel of this.#live) channel.interrupted();
  }

  /** Another connection carries the channels; this one's part in them is over. */
  retire(): void {
    this.#stop.abort(new Failure('unavailable'));
    this.#cancelRefresh?.();
  }

  /** This connection is now the one that carries the channels. */
  takeOver(): void {
    for (const channel of this.#live) {
      channel.carried();
      channel.presence.live();
    }
    void this.sync();
    this.#ports.onLive();
  }

  /** Runs `step` until it says that all is done; a failure is followed by a pause, or, if final, by the end. */
  async #untilDone(step: (isFirst: boolean) => Promise<'done' | 'more'>): Promise<void> {
    const { clock, backoff, connection } = this.#ports;
    const { signal } = this.#stop;
    let attempt = 0;
    for (let isFirst = true; !signal.aborted; isFirst = false) {
      try {
        if ((await step(isFirst)) === 'done') return;
        attempt = 0;
      } catch (error) {
        if (signal.aborted) return;
        const failure = toFailure(error);
        if (failure.retry === 'never') return connection.drop(failure);
        await wait(clock, pauseMs(attempt, { failure, backoff, clock }), signal).catch(() => undefined);
        attempt += 1;
      }
    }
  }

  async #syncOnce(given: Admission | undefined): Promise<'done' | 'more'> {
    const missing = this.#missing();
    if (missing.length === 0) return 'done';
    const admission = given ?? (await this.#ask(missing));
    this.#take(admission);
    const granted = missing.filter(({ channelId }) => this.#granted.has(channelId));
    if (granted.length > 0) await this.#subscribe(granted, admission.grants);
    if (given === undefined && missing.some((channel) => this.#isLeftOut(channel)))
      throw new Failure('internal', { detail: 'The edge left out a channel' });
    return 'more';
  }

  #missing(): OpenChannel[] {
    return [...this.#ports.wanted.values()]
      .filter((channel) => WANTED_STATES.includes(channel.state) && !this.#live.has(channel))
      .slice(0, LIMITS.channelsPerCall);
  }

  /** Neither granted nor refused: asking again at once would bring the same. */
  #isLeftOut({ channelId, state }: OpenChannel): boolean {
    return WANTED_STATES.includes(state) && !this.#granted.has(channelId);
  }

  #ask(channels: readonly OpenChannel[]): Promise<Admission> {
    return this.#ports.api.connect(
      channels.map(({ channelId }) => channelId),
      this.#stop.signal,
    );
  }

  #take({ channels, refused, grantsExpireInMs }: Admission): void {
    if (this.#stop.signal.aborted) return;
    for (const granted of channels) {
      const channel = this.#ports.wanted.get(granted.channelId);
      if (channel === undefined) continue;
      this.#granted.set(granted.channelId, granted);
      this.#byTag.set(granted.channel, channel);
      channel.granted(granted.member);
    }
    for (const { channelId, code } of refused) this.#refused(channelId, code);
    this.#armRefresh(grantsExpireInMs);
  }

  async #subscribe(channels: readonly OpenChannel[], grants: string | undefined): Promise<void> {
    const items = channels.map((channel) =>
      itemOf(this.#granted.get(channel.channelId)?.channel ?? '', channel),
    );
    const command = {
      type: 'subscribe',
      ...(grants === undefined ? {} : { grants }),
      channels: items,
    } as const;
    const answer = await this.#ports.connection.request(command, SUBSCRIBE_DEADLINE_MS);
    const verdicts = 'channels' in answer ? answer.channels : [];
    const failures = channels.map((channel, i) => this.#judge(channel, verdicts[i]));
    const failed = failures.find((failure) => failure !== undefined);
    this.#ports.onLive();
    if (failed !== undefined) throw failed;
  }

  /** Takes one verdict of `subscribe`; gives back a failure that a later try may mend. */
  #judge(channel: OpenChannel, verdict: SubscribedItem | undefined): Failure | undefined {
    if (this.#ports.wanted.get(channel.channelId) !== channel) return undefined;
    if (verdict === undefined) return new Failure('internal', { detail: 'The node left out a verdict' });
    if ('position' in verdict) {
      this.#live.add(channel);
      if (!channel.joined(verdict.position)) this.#giveUp('unavailable', 'The node left something out');
      else channel.presence.live();
      return undefined;
    }
    this.#granted.delete(channel.channelId);
    const failure = failureOf(verdict);
    if (failure.retry !== 'never') return failure;
    this.#refused(channel.channelId, failure.code);
    return undefined;
  }

  /** Renews the first of those that are left, and takes them off; without any it renews the connection alone. */
  async #refreshOnce(left: OpenChannel[]): Promise<void> {
    const channels = left.filter((channel) => this.#live.has(channel)).slice(0, LIMITS.channelsPerCall);
    const admission = await this.#ask(channels);
    this.#take(admission);
    const { ticket, grants } = admission;
    await this.#hand({ ticket, ...(grants === undefined ? {} : { grants }) });
    const rest = left.filter((channel) => this.#live.has(channel) && !channels.includes(channel));
    left.splice(0, left.length, ...rest);
    this.#ports.onLive();
  }

  /** A refused ticket or grant here means that the session is another one by now: only a new connection helps. */
  async #hand(rights: { readonly ticket: string; readonly grants?: string }): Promise<void> {
    try {
      await this.#ports.connection.request({ type: 'refresh', ...rights });
    } catch (error) {
      const { code } = toFailure(error);
      if (code === 'ticket_refused' || code === 'grant_refused')
        this.#giveUp(code, 'The session has changed');
      throw error;
    }
  }

  /** The earliest end counts: bundles come one by one, and one timer serves them all. */
  #armRefresh(lifeMs = TICKET_LIFE_MS): void {
    const { clock } = this.#ports;
    if (this.#stop.signal.aborted) return;
    const afterMs = Math.max(REFRESH_MIN_MS, lifeMs * (REFRESH_AT + REFRESH_SPREAD * clock.random()));
    if (this.#cancelRefresh !== undefined && clock.now() + afterMs >= this.#refreshAtMs) return;
    this.#cancelRefresh?.();
    this.#refreshAtMs = clock.now() + afterMs;
    this.#cancelRefresh = clock.after(afterMs, () => void this.refresh());
  }

  #revoked(channel: OpenChannel, code: FailureCode): void {
    if (new Failure(code).retry === 'never') return this.#refused(channel.channelId, code);
    this.#forget(channel);
    this.#granted.delete(channel.channelId);
    channel.interrupted();
    void this.sync();
  }

  #refused(channelId: string, code: FailureCode): void {
    const channel = this.#ports.wanted.get(channelId);
    if (channel === undefined || new Failure(code).retry !== 'never') return;
    this.leave(channel);
    channel.refused(code);
  }

  /** Drops what ties the channel to this connection; gives back its tag when the node still sends it. */
  #forget(channel: OpenChannel): Tag | undefined {
    const tag = this.#granted.get(channel.channelId)?.channel;
    if (tag !== undefined && this.#byTag.get(tag) === channel) this.#byTag.delete(tag);
    return this.#live.delete(channel) ? tag : undefined;
  }

  #unsubscribe(tag: Tag): void {
    // Nobody waits for the answer: without it the connection is dropped, and a new one does not subscribe.
    this.#ports.connection.request({ type: 'unsubscribe', channels: [tag] }).catch(() => undefined);
  }

  #giveUp(code: FailureCode, detail: string): void {
    this.#ports.connection.drop(new Failure(code, { detail }));
  }
}

function itemOf(tag: Tag, { position }: OpenChannel) {
  return position === undefined ? { channel: tag } : { channel: tag, position };
}
