/**
 * The client SDK: one signed-in device, connected, with any number of channels. The same source runs in browsers, Node
 * and Deno; on Node 20, which has no `WebSocket`, pass `openSocket` from adapters/node-socket.ts.
 *
 *     const client = await connectAccount({ edge: 'https://chat.example' });
 *     const channel = client.channel(await client.createChannel());
 *     const messages = channel.messages();
 *     await channel.subscribe();
 *     await channel.publish('hello');
 *     for await (const message of messages) console.log(message.from, message.text());
 *
 * From device to device, kept for those that are away:
 *
 *     await client.keys.publish(identityKey);
 *     client.mailbox.receive(async ({ ciphertext }) => store(await decrypt(ciphertext)));
 *     await client.mailbox.send(userId, ({ identityKey }) => encryptTo(identityKey, 'hello'));
 */
import { randomId } from '../bytes.ts';
import { Failure, isFailure } from '../failure.ts';
import type { JWK } from '../token.ts';
import { Account } from './account.ts';
import { type Channel, OpenChannel } from './channel.ts';
import { ChannelList } from './channel-list.ts';
import { systemClock } from './clock.ts';
import type { ChannelCrypto } from './crypto.ts';
import { createCrypto } from './crypto-default.ts';
import { createDeadline, type Deadline } from './deadline.ts';
import { Emitter } from './emitter.ts';
import { Keys } from './keys.ts';
import { KnownLogs, memoryKnownLogs } from './known-logs.ts';
import { Link, type LinkState } from './link.ts';
import { memoryEpochs } from './mail-receiver.ts';
import { type Mailbox, OpenMailbox } from './mailbox.ts';
import { Moderation, ServiceBans } from './moderation.ts';
import { type Card, type ClientEvents, type ClientOptions, edgeOf, type Ports } from './options.ts';
import { Outbox } from './outbox.ts';
import { DEFAULT_BACKOFF, retrying } from './retry.ts';
import { type SignedInDevice, signIn } from './sign-in.ts';
import { openWebSocket } from './socket.ts';
import { Totp, type TotpPorts } from './totp.ts';

const CONNECT_TIMEOUT_MS = 30_000;
const PUBLISH_TIMEOUT_MS = 60_000;

/**
 * Signs in, with a new account where the store holds none, and connects. Resolves when the client is online. Throws
 * what signing in failed with, or what kept it from connecting within `connectTimeoutMs`; nothing stays open then.
 */
export async function connectAccount(options: ClientOptions): Promise<Client> {
  const { clock = systemClock, backoff = DEFAULT_BACKOFF, secondFactor } = options;
  const deadline = createDeadline(clock, options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS, options.signal);
  const ask: Pick<ClientOptions, 'secondFactor'> =
    secondFactor === undefined ? {} : { secondFactor: (why) => deadline.pause(() => secondFactor(why)) };
  const ports = { ...options, ...ask, clock, backoff };
  try {
    const signedIn = await signIn(ports, deadline.signal);
    return await openEnrolled({ ...signedIn, ...ports }, deadline);
  } finally {
    deadline.clear();
  }
}

/** A client that is online. Where a second factor is required first, has it set up and tries once more. */
async function openEnrolled(ports: Ports & SignedInDevice, deadline: Deadline): Promise<Client> {
  const open = async () => {
    const client = new Client(ports);
    await client.online(deadline.signal);
    return client;
  };
  try {
    return await open();
  } catch (error) {
    const { enrol, session, api, clock, backoff } = ports;
    if (enrol === undefined || !isFailure(error, 'second_factor_required')) throw error;
    const retry = { clock, backoff, signal: deadline.signal };
    const totp = new Totp({ api, session, retrying: (attempt) => retrying(attempt, retry) });
    await deadline.pause(() => enrol(totp));
    session.renewSoon();
    return open();
  }
}

/** A signed-in device. Made by `connectAccount`. */
export class Client {
  readonly userId: string;
  readonly deviceId: string;
  /** For peers, over a way they trust. */
  readonly card: Card;
  /** The public keys of this account and of others. */
  readonly keys: Keys;
  /** Sessions, devices and the second factor of this account. */
  readonly account: Account;
  /** The channels of this account, for its other devices. */
  readonly channelList: ChannelList;
  readonly #options: Ports & SignedInDevice;
  readonly #crypto: ChannelCrypto;
  readonly #emitter = new Emitter<ClientEvents>();
  readonly #channels = new Map<string, OpenChannel>();
  readonly #wanted = new Map<string, OpenChannel>();
  readonly #outbox: Outbox;
  readonly #mailbox: OpenMailbox;
  readonly #link: Link;
  readonly #stop = new AbortController();

  constructor(options: Ports & SignedInDevice) {
    const { device, session, clock, backoff } = options;
    this.#options = options;
    this.#crypto = options.crypto?.(device) ?? createCrypto(device);
    this.userId = session.userId;
    this.deviceId = device.deviceId;
    this.card = { userId: session.userId, agreementKey: this.#crypto.agreementKey };
    this.#outbox = new Outbox({
      store: options.outbox,
      onResent: (outcome) => this.#emitter.emit('resent', outcome),
      onFault: (failure) => this.#emitter.emit('fault', failure),
      clock,
      backoff,
      deadlineMs: options.publishTimeoutMs ?? (options.outbox === undefined ? PUBLISH_TIMEOUT_MS : undefined),
      routeOf: (channelId) => this.#link.subscriptions?.routeOf(channelId),
      onGrantsWanted: () => void this.#link.subscriptions?.refresh(),
    });
    this.keys = this.#createKeys();
    const calls: Pick<TotpPorts, 'api' | 'retrying'> = {
      api: options.api,
      retrying: (attempt) => this.#retrying(attempt),
    };
    this.account = new Account({ ...calls, session, close: () => this.close() });
    this.channelList = new ChannelList({ ...calls, crypto: this.#crypto, userId: this.userId });
    this.#mailbox = new OpenMailbox({
      keys: this.keys,
      clock,
      backoff,
      deadlineMs: options.publishTimeoutMs ?? PUBLISH_TIMEOUT_MS,
      epochs: options.mailboxEpochs ?? memoryEpochs(),
      signal: this.#stop.signal,
    });
    this.#link = this.#createLink();
  }

  /** The mailbox of this device, and the way to those of others. */
  get mailbox(): Mailbox {
    return this.#mailbox;
  }

  get state(): LinkState {
    return this.#link.state;
  }

  on<K extends keyof ClientEvents>(name: K, listener: (event: ClientEvents[K]) => void): () => void {
    return this.#emitter.on(name, listener);
  }

  /** Starts connecting and resolves when online; an abort before that closes the client and is thrown. */
  async online(signal: AbortSignal): Promise<void> {
    let stop: () => void = () => undefined;
    try {
      signal.throwIfAborted();
      await this.#outbox.restore();
      await new Promise<void>((resolve, reject) => {
        stop = this.on('state', ({ state, ...rest }) => {
          if (state === 'online') resolve();
          if (state === 'closed') reject(('failure' in rest ? rest.failure : undefined) ?? closed());
        });
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
        void this.#link.run();
      });
    } catch (error) {
      this.close();
      throw error;
    } finally {
      stop();
    }
  }

  /**
   * Makes a channel owned by this account, and its key; gives back its id. A repeat with the same id is harmless.
   * Throws `conflict` when the id is somebody else's.
   */
  async createChannel(channelId: string = randomId()): Promise<string> {
    await this.#retrying(() => this.#options.api.createChannel(channelId, this.#stop.signal));
    await this.#crypto.createKey(channelId);
    return channelId;
  }

  /** Leaving, roles and bans of a channel. */
  moderation(channelId: string): Moderation {
    const { api } = this.#options;
    return new Moderation(channelId, {
      api,
      userId: this.userId,
      retrying: (attempt) => this.#retrying(attempt),
    });
  }

  /** Bans from the whole service, for operators. */
  get serviceBans(): ServiceBans {
    return new ServiceBans({ api: this.#options.api, retrying: (attempt) => this.#retrying(attempt) });
  }

  /** Lets a user in; owner and moderators may, else `forbidden`. The key is handed over by `shareKey`. */
  async addMember(channelId: string, userId: string): Promise<void> {
    await this.#retrying(() => this.#options.api.addMember(channelId, userId, this.#stop.signal));
  }

  /**
   * Joins a channel with an invitation to it, or with none while it is open; the key is handed over by a member (`acceptKey`). A
   * repeat is harmless. Throws `invitation_refused`, whatever is wrong with it.
   */
  async join(channelId: string, invitation = ''): Promise<void> {
    await this.#retrying(() => this.#options.api.join(channelId, invitation, this.#stop.signal));
  }

  /** The channel's key as a JWE for one peer device, which hands it to `acceptKey`. */
  shareKey(channelId: string, peer: JWK): Promise<string> {
    return this.#crypto.wrapKeyFor(channelId, peer);
  }

  /** Takes over a channel key that a peer shared with this device. Throws `bad_request` when it is not one. */
  acceptKey(channelId: string, wrapped: string): Promise<void> {
    return this.#crypto.unwrapKey(channelId, wrapped);
  }

  /** The handle of a channel; the same one until it is closed. */
  channel(channelId: string): Channel {
    const known = this.#channels.get(channelId);
    if (known !== undefined) return known;
    const channel: OpenChannel = new OpenChannel(channelId, {
      crypto: this.#crypto,
      outbox: this.#outbox,
      clock: this.#options.clock,
      route: () => this.#link.subscriptions?.routeOf(channelId),
      onWanted: () => this.#want(channel),
      onClosed: () => this.#drop(channel),
    });
    this.#channels.set(channelId, channel);
    if (this.state.state === 'closed') channel.end(undefined);
    return channel;
  }

  /** Milliseconds to the node and back, measured now. Throws `unavailable` without a connection. */
  async roundTrip(): Promise<number> {
    const { clock } = this.#options;
    const startedMs = clock.now();
    const { connection } = this.#link;
    if (connection === undefined) throw new Failure('unavailable');
    await connection.request({ type: 'ping' });
    return clock.now() - startedMs;
  }

  /** The network may be back, or the device woke up: tries at once, or makes sure that the node is still there. */
  wake(): void {
    this.#link.wake();
  }

  /** Ends everything: the connection, calls, readers and timers. What was not accepted yet is rejected. */
  close(): void {
    this.#link.close();
  }

  #createKeys(): Keys {
    const { api, device, clock, knownLogs = memoryKnownLogs() } = this.#options;
    const { signal } = this.#stop;
    return new Keys({
      api,
      logs: new KnownLogs({ store: knownLogs, api, signal }),
      device,
      userId: this.userId,
      audience: edgeOf(this.#options),
      clock,
      retrying: (attempt) => this.#retrying(attempt),
    });
  }

  #createLink(): Link {
    const { api, clock, backoff, through = 'auto', node, avoid, openSocket = openWebSocket } = this.#options;
    return new Link({
      api,
      clock,
      backoff,
      through,
      node,
      avoid,
      openSocket,
      wanted: this.#wanted,
      onLive: () => this.#outbox.flush(),
      onMail: (event, from) => this.#mailbox.take(event, from),
      onState: (state) => this.#changed(state),
    });
  }

  #changed(state: LinkState): void {
    this.#mailbox.use(state.state === 'online' ? this.#link.connection : undefined);
    if (state.state === 'closed') this.#shut(state.failure);
    this.#emitter.emit('state', state);
    if (state.state === 'closed') this.#emitter.clear();
  }

  #shut(failure: Failure | undefined): void {
    this.#stop.abort(failure ?? closed());
    this.#outbox.end(failure ?? closed());
    for (const channel of this.#channels.values()) channel.end(failure);
    this.#channels.clear();
    this.#wanted.clear();
  }

  #want(channel: OpenChannel): void {
    this.#wanted.set(channel.channelId, channel);
    void this.#link.subscriptions?.sync();
  }

  #drop(channel: OpenChannel): void {
    this.#channels.delete(channel.channelId);
    if (this.#wanted.get(channel.channelId) !== channel) return;
    this.#link.subscriptions?.leave(channel);
    this.#wanted.delete(channel.channelId);
  }

  #retrying<T>(attempt: () => Promise<T>): Promise<T> {
    const { clock, backoff } = this.#options;
    return retrying(attempt, { clock, backoff, signal: this.#stop.signal });
  }
}

function closed(): Failure {
  return new Failure('conflict', { detail: 'The client is closed' });
}
