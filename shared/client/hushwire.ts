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
import { Failure } from '../failure.ts';
import type { JWK } from '../token.ts';
import { type Api, createApi } from './api.ts';
import { type Channel, OpenChannel } from './channel.ts';
import { type Clock, systemClock } from './clock.ts';
import type { ChannelCrypto } from './crypto.ts';
import { createCrypto } from './crypto-default.ts';
import { type Device, type DeviceStore, loadDevice, memoryDeviceStore } from './device.ts';
import { Emitter } from './emitter.ts';
import { createHttp } from './http.ts';
import { Keys } from './keys.ts';
import { type KnownLogStore, KnownLogs, memoryKnownLogs } from './known-logs.ts';
import { Link, type LinkState } from './link.ts';
import { type EpochStore, memoryEpochs } from './mail-receiver.ts';
import { type Mailbox, OpenMailbox } from './mailbox.ts';
import { Outbox } from './outbox.ts';
import { type Backoff, DEFAULT_BACKOFF, retrying } from './retry.ts';
import type { Through } from './routes.ts';
import { Session, signUp } from './session.ts';
import { type OpenSocket, openWebSocket } from './socket.ts';

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
  /** Where the key logs that were seen are remembered; forgotten with the process by default. */
  readonly knownLogs?: KnownLogStore;
  /** Where the epoch of the mailbox is remembered; forgotten with the process by default. */
  readonly mailboxEpochs?: EpochStore;
  /** Longest wait for the first connection; default 30,000 ms. */
  readonly connectTimeoutMs?: number;
  /** Longest time a message, of a channel or for a mailbox, may wait to be accepted, over reconnects; default 60,000 ms. */
  readonly publishTimeoutMs?: number;
  /** Gives up the first connection; later on, use `close()`. */
  readonly signal?: AbortSignal;
}

export interface ClientEvents {
  readonly state: LinkState;
}

/** What a peer must know to be invited; it holds no secret, but must come from its owner. */
export interface Card {
  readonly userId: string;
  readonly agreementKey: JWK;
}

const CONNECT_TIMEOUT_MS = 30_000;
const PUBLISH_TIMEOUT_MS = 60_000;

/**
 * Signs in, with a new account where the store holds none, and connects. Resolves when the client is online. Throws
 * what signing in failed with, or what kept it from connecting within `connectTimeoutMs`; nothing stays open then.
 */
export async function connectAccount(options: ClientOptions): Promise<Client> {
  const { clock = systemClock, backoff = DEFAULT_BACKOFF } = options;
  const limit = new AbortController();
  const signal =
    options.signal === undefined ? limit.signal : AbortSignal.any([options.signal, limit.signal]);
  const cancel = clock.after(options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS, () =>
    limit.abort(new Failure('unavailable', { detail: 'No connection in time' })),
  );
  try {
    const ports = { ...options, clock, backoff };
    const client = new Client({ ...(await signIn(ports, signal)), ...ports });
    await client.online(signal);
    return client;
  } finally {
    cancel();
  }
}

interface SignedInDevice {
  readonly device: Device;
  readonly session: Session;
  readonly api: Api;
}
type Ports = ClientOptions & { readonly clock: Clock; readonly backoff: Backoff };

async function signIn(options: Ports, signal: AbortSignal): Promise<SignedInDevice> {
  const { store = memoryDeviceStore(), clock, backoff } = options;
  const edge = options.edge.replace(/\/+$/, '');
  // Called as a plain function: browsers refuse `fetch` as somebody's method.
  const fetchPlain = options.fetch ?? ((input, init) => fetch(input, init));
  const http = createHttp({ edge, clock, fetch: fetchPlain });
  const { userId: known, ...device } = await loadDevice(store);
  const ports = { http, clock, device, audience: edge };
  const retry = { clock, backoff, signal };
  const userId = known ?? (await retrying(() => signUp(ports, signal), retry));
  if (known === undefined) await store.save({ signing: device.signing, agreement: device.agreement, userId });
  const session = new Session(userId, ports);
  await retrying(() => session.token(signal), retry);
  return { device, session, api: createApi(http, session) };
}

/** A signed-in device. Made by `connectAccount`. */
export class Client {
  readonly userId: string;
  readonly deviceId: string;
  /** For peers, over a way they trust. */
  readonly card: Card;
  /** The public keys of this account and of others. */
  readonly keys: Keys;
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
      clock,
      backoff,
      deadlineMs: options.publishTimeoutMs ?? PUBLISH_TIMEOUT_MS,
      routeOf: (channelId) => this.#link.subscriptions?.routeOf(channelId),
      onGrantsWanted: () => void this.#link.subscriptions?.refresh(),
    });
    this.keys = this.#createKeys();
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

  /** Lets a user in; only the owner may, else `forbidden`. The key is handed over by `shareKey`. */
  async addMember(channelId: string, userId: string): Promise<void> {
    await this.#retrying(() => this.#options.api.addMember(channelId, userId, this.#stop.signal));
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
      onWanted: () => this.#want(channel),
      onClosed: () => this.#drop(channel),
    });
    this.#channels.set(channelId, channel);
    if (this.state.state === 'closed') channel.end(undefined);
    return channel;
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
    const { api, device, clock, edge, knownLogs = memoryKnownLogs() } = this.#options;
    const { signal } = this.#stop;
    return new Keys({
      api,
      logs: new KnownLogs({ store: knownLogs, api, signal }),
      device,
      userId: this.userId,
      audience: edge.replace(/\/+$/, ''),
      clock,
      retrying: (attempt) => this.#retrying(attempt),
    });
  }

  #createLink(): Link {
    const { api, clock, backoff, through = 'auto', node, openSocket = openWebSocket } = this.#options;
    return new Link({
      api,
      clock,
      backoff,
      through,
      node,
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
