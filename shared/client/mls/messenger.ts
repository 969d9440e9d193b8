/**
 * The SDK with MLS groups as its encryption: channels that are made, joined and talked in, and nothing readable outside
 * their members' devices.
 *
 *     const messenger = await createAccount({ edge: 'https://chat.example' });
 *     const channel = await messenger.channels.create([peerUserId]);
 *     await channel.send('hello');
 *     for await (const message of channel.messages()) console.log(message.from.userId, message.text());
 *
 * The peer's side: `await messenger.channels.join(channelId)`, or whatever `on('invited')` names. A direct message is a
 * channel of two users; each device is a member of its own.
 */
import { Failure, toFailure } from '../../failure.ts';
import { isPosition } from '../../position.ts';
import { abortable } from '../abort.ts';
import type { ChannelCrypto } from '../crypto.ts';
import type { Device } from '../device.ts';
import { Emitter } from '../emitter.ts';
import { type Client, connectAccount } from '../hushwire.ts';
import type { ClientOptions } from '../options.ts';
import { Group } from './group.ts';
import { isWelcome, loadIdentity, Packages } from './packages.ts';
import { Roster } from './roster.ts';
import { SecureChannel } from './secure-channel.ts';
import {
  type ChannelRecord,
  forgetChannel,
  type GroupStore,
  type Invitation,
  loadChannel,
  memoryGroups,
  saveChannel,
  storedChannels,
  unpack,
} from './store.ts';
import type { MemberDevice } from './suite.ts';

export interface MessengerOptions extends Omit<ClientOptions, 'crypto'> {
  /** Where groups and their keys live; forgotten with the process by default. */
  readonly groups?: GroupStore;
  /** Mail that is no Welcome, from anybody: it is acked, and gone, once this has resolved. Dropped by default. */
  readonly onMail?: (item: Uint8Array) => unknown;
  /** Key packages kept in the directory: how many groups may add this device while it is away. Default 20. */
  readonly keyPackages?: number;
}

export interface MessengerEvents {
  /** A group has let this device in; `channels.join` opens it. */
  readonly invited: { readonly channelId: string };
  /** Reading a channel ended, because its store or its reader failed. */
  readonly fault: { readonly channelId: string; readonly failure: Failure };
}

const KEY_PACKAGES = 20;
const CHANNEL_ID = /^[\w-]{22}$/;
/** More groups than a device can be talked into without its owner's asking. */
const CHANNELS_MAX = 1_000;

/** Signs in, with a new account where the store holds none, connects, and offers key packages. Throws as `connectAccount`. */
export async function createAccount(options: MessengerOptions): Promise<Messenger> {
  const { groups = memoryGroups(), keyPackages = KEY_PACKAGES, onMail, ...rest } = options;
  const identity = await loadIdentity(groups);
  const client = await connectAccount({ ...rest, crypto: passThrough });
  try {
    const { userId, deviceId } = client;
    const packages = new Packages(groups, { userId, deviceId }, identity);
    await packages.publish(client.keys, keyPackages);
    return new Messenger(client, { store: groups, packages, onMail });
  } catch (error) {
    client.close();
    throw error;
  }
}

/** Made by `createAccount`. */
export class Messenger {
  /** Everything below: keys and safety numbers, the state of the connection. Its mailbox is taken. */
  readonly client: Client;
  readonly channels: Channels;
  readonly #emitter = new Emitter<MessengerEvents>();

  constructor(client: Client, { store, packages, onMail }: MessengerPorts) {
    this.client = client;
    this.channels = new Channels({ client, store, packages, emitter: this.#emitter });
    client.mailbox.receive(({ ciphertext }) =>
      isWelcome(ciphertext) ? this.channels.take(ciphertext) : onMail?.(ciphertext),
    );
  }

  get userId(): string {
    return this.client.userId;
  }

  on<K extends keyof MessengerEvents>(name: K, listener: (event: MessengerEvents[K]) => void): () => void {
    return this.#emitter.on(name, listener);
  }

  /** Ends everything; resolves when what has arrived was told to readers of its channels. */
  async close(): Promise<void> {
    this.client.close();
    await this.channels.close();
    this.#emitter.clear();
  }
}

interface MessengerPorts {
  readonly store: GroupStore;
  readonly packages: Packages;
  readonly onMail: MessengerOptions['onMail'] | undefined;
}

interface ChannelsPorts {
  readonly client: Client;
  readonly store: GroupStore;
  readonly packages: Packages;
  readonly emitter: Emitter<MessengerEvents>;
}

/** The channels this device has a group of. */
export class Channels {
  readonly #ports: ChannelsPorts;
  readonly #roster: Roster;
  readonly #open = new Map<string, Promise<SecureChannel>>();

  constructor(ports: ChannelsPorts) {
    this.#ports = ports;
    this.#roster = new Roster(ports.client.keys);
  }

  /** Ids of all of them, open or not. */
  list(): Promise<string[]> {
    return storedChannels(this.#ports.store);
  }

  /** Devices of a channel's group, as this device knew them last, without opening it; nobody's where it has no group. */
  async members(channelId: string): Promise<readonly MemberDevice[]> {
    const record = await loadChannel(this.#ports.store, channelId);
    return record === undefined ? [] : Group.decode(record.group, this.#roster.verify).members;
  }

  /** A new channel of this account, its other devices, and these users. Throws as `SecureChannel.refresh`. */
  async create(userIds: readonly string[] = []): Promise<SecureChannel> {
    const { client, store, packages } = this.#ports;
    const channelId = await client.createChannel();
    const group = await Group.create(await packages.make(), this.#roster.verify);
    await saveChannel(store, channelId, recordOf(group, undefined));
    const channel = await this.join(channelId);
    await this.add(channel, userIds);
    return channel;
  }

  /** Lets users into a channel that this account owns: the edge admits them, and the group adds all their devices. */
  async add(channel: SecureChannel, userIds: readonly string[]): Promise<void> {
    for (const userId of userIds) await this.#ports.client.addMember(channel.channelId, userId);
    await channel.refresh(userIds);
  }

  /** The channel, read from where this device was; waits for the invitation if there is none yet. */
  async join(channelId: string, { signal }: { signal?: AbortSignal } = {}): Promise<SecureChannel> {
    const known = this.#open.get(channelId);
    if (known !== undefined) return known;
    await this.#invited(channelId, signal);
    const opened = this.#open.get(channelId) ?? this.#start(channelId);
    this.#open.set(channelId, opened);
    opened.catch(() => this.#open.delete(channelId));
    return opened;
  }

  /** Closes a channel and forgets its group; a new invitation may follow. */
  async forget(channelId: string): Promise<void> {
    const opened = this.#open.get(channelId);
    this.#open.delete(channelId);
    await (await opened)?.close();
    await forgetChannel(this.#ports.store, channelId);
  }

  /** Closes those that are open; resolves as `SecureChannel.close`. */
  async close(): Promise<void> {
    const opened = await Promise.allSettled(this.#open.values());
    await Promise.all(
      opened.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value.close() : undefined)),
    );
  }

  /** An item of the mailbox. A Welcome for this device is kept; what is none, or is used, is dropped. */
  async take(item: Uint8Array): Promise<void> {
    const { packages, store, emitter } = this.#ports;
    const own = await packages.wantedBy(item);
    if (own === undefined) return;
    const joined = await Group.join(item, own, this.#roster.verify).catch(orUndefined);
    await packages.used(own);
    const hints = joined?.info && hintsOf(joined.info);
    if (joined === undefined || hints === undefined) return;
    const { channelId, position } = hints;
    const held = await loadChannel(store, channelId);
    // A group that is in use is not replaced: anybody may send a Welcome that names this channel.
    const isTaken = held !== undefined && Group.decode(held.group, this.#roster.verify).isMember;
    if (isTaken || (await this.list()).length >= CHANNELS_MAX) return;
    await saveChannel(store, channelId, recordOf(joined.group, position));
    emitter.emit('invited', { channelId });
  }

  async #start(channelId: string): Promise<SecureChannel> {
    const { client, store, emitter } = this.#ports;
    const record = await loadChannel(store, channelId);
    if (record === undefined) throw new Failure('not_found', { detail: 'This device has no group of it' });
    const channel = new SecureChannel(record, {
      channel: client.channel(channelId),
      store,
      roster: this.#roster,
      invite: (invitation) => this.#invite(invitation),
      onFault: (error) => emitter.emit('fault', { channelId, failure: toFailure(error) }),
    });
    await channel.open();
    return channel;
  }

  async #invited(channelId: string, signal: AbortSignal | undefined): Promise<void> {
    let stop: () => void = () => undefined;
    const invited = new Promise<void>((resolve) => {
      stop = this.#ports.emitter.on('invited', (event) => event.channelId === channelId && resolve());
    });
    try {
      const isHere = (await loadChannel(this.#ports.store, channelId)) !== undefined;
      if (!isHere) await abortable(invited, signal, () => undefined);
    } finally {
      stop();
    }
  }

  async #invite({ devices, welcome }: Invitation): Promise<void> {
    const { mailbox } = this.#ports.client;
    await Promise.all(
      [...new Set(devices.map(({ userId }) => userId))].map((userId) => {
        const deviceIds = devices.flatMap((device) => (device.userId === userId ? [device.deviceId] : []));
        return mailbox.send(userId, () => welcome, { deviceIds });
      }),
    );
  }
}

function recordOf(group: Group, position: ChannelRecord['position']): ChannelRecord {
  return { group: group.encode(), position, sent: 0, heard: {}, pending: undefined, invitation: undefined };
}

/** What the inviting device says of the channel; another member wrote it, so it may be anything. */
function hintsOf(info: Uint8Array): (Pick<ChannelRecord, 'position'> & { channelId: string }) | undefined {
  try {
    const { channelId, position } = unpack<{ channelId?: unknown; position?: unknown }>(info);
    if (typeof channelId !== 'string' || !CHANNEL_ID.test(channelId)) return undefined;
    return { channelId, position: isPosition(position) ? position : undefined };
  } catch {
    return undefined; // Not what this SDK writes: as good as no hint.
  }
}

function orUndefined(): undefined {
  return undefined; // A Welcome that leads nowhere is an expected outcome of what a stranger may send.
}

/** Groups encrypt before the channel sees anything; to it, content is opaque. */
function passThrough(device: Device): ChannelCrypto {
  const unused = () => Promise.reject(new Failure('conflict', { detail: 'Keys are the group’s' }));
  return {
    isPassThrough: true,
    agreementKey: device.agreementKey,
    createKey: async () => undefined,
    hasKey: () => true,
    seal: async (plaintext) => plaintext,
    open: async (ciphertext) => ({ plaintext: ciphertext }),
    wrapKeyFor: unused,
    unwrapKey: unused,
  };
}
