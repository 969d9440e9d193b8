/**
 * Other devices of this account. A new device shows a code, which a person carries to one that is there: a request to join
 * (for the service and the key log), and a key under which the two tell each other what no group says: which channels this
 * person is in. Keys of groups never travel; each device is brought into each group by itself.
 */
import { fromBase64Url, fromUtf8, toBase64Url, utf8 } from '../../../shared/bytes.ts';
import { askToJoin, type JoinRequest } from '../../../shared/client/join.ts';
import type { Messenger } from '../../../shared/client/mls/messenger.ts';
import { loadIdentity } from '../../../shared/client/mls/packages.ts';
import { Failure } from '../../../shared/failure.ts';
import { type Database, readOwn, type Siblings as Stored, writeOwn } from '../store/database.ts';
import { createSdkStores } from '../store/sdk-stores.ts';
import { isText, NAME_MAX } from './content.ts';
import type { Conversation } from './conversation.ts';
import { createKey, keyId, keyIdOf, openMail, sealMail } from './secret-mail.ts';

/** A channel that another device of this account is in. */
export interface ToldChannel {
  readonly channelId: string;
  readonly ownerId: string;
  readonly title: string;
}
export interface SiblingPorts {
  readonly database: Database;
  readonly conversations: () => readonly Conversation[];
  readonly name: () => string;
  /** Takes what another device has told. */
  readonly adopt: (told: {
    readonly name: string;
    readonly channels: readonly ToldChannel[];
  }) => Promise<void>;
}

/** In front of this mail, so that other mail is told from it. */
const MAGIC = utf8('hushwire device 1\n');
/** Channels in one piece of mail. */
const CHANNELS_MAX = 100;
const ID = /^[\w-]{22}$/;
const KEY = /^[\w-]{43}$/;

/** Makes this device ask to join an account, which is good for a minute. Throws as `askToJoin`. */
export async function createDeviceCode(database: Database, userId: string): Promise<string> {
  // Kept, so that the code before serves as well.
  const { key } = (await readOwn(database, 'siblings')) ?? { key: createKey() };
  await takeBackCode(database);
  const { store, groups } = createSdkStores(database);
  const { publicKey: identityKey } = await loadIdentity(groups);
  const request = await askToJoin({ edge: location.origin, userId, identityKey, store });
  await writeOwn(database, 'siblings', { key, isNew: true });
  return toBase64Url(utf8(JSON.stringify({ ...request, key })));
}

/** This device asks no account any more: another one was meant, or a new one. */
export async function takeBackCode(database: Database): Promise<void> {
  const [asked, device] = await Promise.all([readOwn(database, 'siblings'), readOwn(database, 'device')]);
  if (asked === undefined || device === undefined) return;
  await writeOwn(database, 'device', { signing: device.signing, agreement: device.agreement });
  await database.delete('own', 'siblings');
}

export class Siblings {
  readonly #ports: SiblingPorts;
  #messenger: Messenger | undefined;

  constructor(ports: SiblingPorts) {
    this.#ports = ports;
  }

  use(messenger: Messenger | undefined): void {
    this.#messenger = messenger;
    this.#ask().catch(() => undefined); // Asked with the next connection.
  }

  /** Whether there may be groups that another device has asked for. */
  async areThere(): Promise<boolean> {
    return (await this.#stored()) !== undefined;
  }

  /** Lets the device in that shows this code. Throws `bad_request` for what is none, or as `Keys.addDevice`. */
  async add(code: string): Promise<void> {
    const { key: askedUnder, ...request } = readCode(code);
    const { key = askedUnder } = (await this.#stored()) ?? {};
    await writeOwn(this.#ports.database, 'siblings', { key, askedUnder });
    await this.#signedIn().client.keys.addDevice(request);
  }

  /** Takes a device off the account, and out of every group. Throws as `Keys.removeDevice`. */
  async remove(deviceId: string): Promise<void> {
    await this.#signedIn().client.keys.removeDevice(deviceId);
    await this.#changeKey();
    await inEach(this.#ports.conversations(), ({ channel }) => channel?.refresh());
  }

  /** Tells the other devices of a channel that this one has just come to. */
  async tell(conversation: Conversation): Promise<void> {
    const { key } = (await this.#stored()) ?? {};
    if (key !== undefined) await this.#send(key, toldOf(key, '', [conversation]));
  }

  /** Mail of another device: a new one asks, or one that is there tells. */
  async take(mail: Uint8Array): Promise<void> {
    const id = keyIdOf(MAGIC, mail);
    const stored = id === undefined ? undefined : await this.#stored();
    if (stored === undefined) return;
    for (const key of [stored.key, stored.askedUnder]) {
      if (key === undefined || (await keyId(key)) !== id) continue;
      const told = await openMail(key, MAGIC, mail);
      if (told === 'ask') return void this.#welcome(stored, key).catch(() => undefined); // It asks again.
      const { key: theirs, name, channels } = readTold(told);
      if (theirs === undefined || key !== stored.key) return;
      const { isNew: _, ...kept } = stored;
      await writeOwn(this.#ports.database, 'siblings', { ...kept, key: theirs });
      return this.#ports.adopt({ name, channels });
    }
  }

  /** What a removed device still has opens nothing any more. */
  async #changeKey(): Promise<void> {
    const { key } = (await this.#stored()) ?? {};
    if (key === undefined) return;
    const next = createKey();
    await this.#send(key, toldOf(next, '', []));
    await writeOwn(this.#ports.database, 'siblings', { key: next });
  }

  async #ask(): Promise<void> {
    const stored = await this.#stored();
    if (stored?.isNew === true) await this.#send(stored.key, 'ask');
  }

  /** Tells a new device everything, and then brings it into each group. */
  async #welcome({ key, askedUnder, isNew }: Stored, under: string): Promise<void> {
    if (isNew === true || under !== askedUnder) return;
    const all = this.#ports.conversations().filter(({ info }) => info.value.ended === undefined);
    for (let from = 0; from === 0 || from < all.length; from += CHANNELS_MAX)
      await this.#send(under, toldOf(key, this.#ports.name(), all.slice(from, from + CHANNELS_MAX)));
    await inEach(all, async (conversation) => {
      await conversation.channel?.refresh();
      await conversation.introduce();
    });
  }

  async #send(key: string, told: unknown): Promise<void> {
    const { client } = this.#signedIn();
    const devices = await client.account.devices();
    const deviceIds = devices.filter(({ isCurrent }) => !isCurrent).map(({ deviceId }) => deviceId);
    const mail = await sealMail(key, MAGIC, told);
    if (deviceIds.length > 0) await client.mailbox.send(client.userId, () => mail, { deviceIds });
  }

  #stored(): Promise<Stored | undefined> {
    return readOwn(this.#ports.database, 'siblings');
  }

  #signedIn(): Messenger {
    if (this.#messenger === undefined) throw new Failure('unavailable');
    return this.#messenger;
  }
}

/** What fails in one channel is done in the others; throws the first failure then. */
async function inEach(
  conversations: readonly Conversation[],
  step: (conversation: Conversation) => Promise<unknown> | undefined,
): Promise<void> {
  const outcomes = await Promise.allSettled(conversations.map(step));
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}

function toldOf(key: string, name: string, conversations: readonly Conversation[]) {
  const channels = conversations.map(({ channelId, info }) => {
    const { ownerId, title } = info.value;
    return { channelId, ownerId, title };
  });
  return { key, name, channels };
}

function readCode(code: string): JoinRequest & { readonly key: string } {
  try {
    const fields: unknown = JSON.parse(fromUtf8(fromBase64Url(code.trim())));
    const { publicKey, identityKey, assertion, key } = fields as Record<string, unknown>;
    const isWhole = typeof publicKey === 'object' && publicKey !== null && KEY.test(String(key));
    if (isWhole && typeof identityKey === 'string' && typeof assertion === 'string')
      return { publicKey, identityKey, assertion, key: String(key) }; // Verified where it is used.
  } catch {
    // Said below.
  }
  throw new Failure('bad_request', { detail: 'This is no code of a device' });
}

function readTold(value: unknown) {
  const { key, name, channels } = (value ?? {}) as Record<string, unknown>;
  return {
    key: typeof key === 'string' && KEY.test(key) ? key : undefined,
    name: isText(name, NAME_MAX) ? name : '',
    channels: Array.isArray(channels) ? channels.slice(0, CHANNELS_MAX).filter(isToldChannel) : [],
  };
}

function isToldChannel(value: unknown): value is ToldChannel {
  if (typeof value !== 'object' || value === null) return false;
  const { channelId, ownerId, title } = value as Record<string, unknown>;
  return ID.test(String(channelId)) && ID.test(String(ownerId)) && isText(title, NAME_MAX);
}
