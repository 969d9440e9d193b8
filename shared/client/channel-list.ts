/**
 * The channels of an account, kept for its devices under a key that only they have: a new device finds its channels by it,
 * and whoever deletes an account those to leave first. The key is handed from device to device as channel keys are; when all
 * devices are lost it is lost with them, as are the channels' keys.
 */
import { fromBase64Url, fromUtf8, toBase64Url, utf8 } from '../bytes.ts';
import { Failure, isFailure } from '../failure.ts';
import type { JWK } from '../token.ts';
import type { StoredList } from './answers.ts';
import type { Api } from './api.ts';
import type { ChannelCrypto } from './crypto.ts';

export interface ChannelListPorts {
  readonly api: Pick<Api, 'readList' | 'writeList'>;
  readonly crypto: ChannelCrypto;
  readonly userId: string;
  readonly retrying: <T>(attempt: () => Promise<T>) => Promise<T>;
}

/** Attempts to be the one who writes, when several devices of the account do so at once. */
const WRITE_TRIES = 5;
const CHANNEL_ID = /^[A-Za-z0-9_-]{22}$/;

export class ChannelList {
  readonly #ports: ChannelListPorts;
  /** The newest that was seen here; an older one is not believed. */
  #seen = 0;

  constructor(ports: ChannelListPorts) {
    this.#ports = ports;
  }

  /**
   * The list as a device of the account wrote it last; empty when none has. Throws `conflict` when this device has not got
   * its key yet, `internal` when it does not open or is older than one that was seen.
   */
  async read(): Promise<readonly string[]> {
    return this.#open(await this.#fetch());
  }

  /** Adds a channel; nothing happens when it is there. Throws `payload_too_large` when there are too many (some 2,600). */
  add(channelId: string): Promise<void> {
    return this.#change((list) => (list.includes(channelId) ? list : [...list, channelId]));
  }

  /** Takes a channel out; nothing happens when it is not there. */
  remove(channelId: string): Promise<void> {
    return this.#change((list) => (list.includes(channelId) ? list.filter((id) => id !== channelId) : list));
  }

  /** The key of the list as a JWE for another device of this account, which hands it to `acceptKey`. */
  async shareKey(peer: JWK): Promise<string> {
    const { crypto, userId } = this.#ports;
    if (!crypto.hasKey(userId)) await this.#change((list) => list);
    return crypto.wrapKeyFor(userId, peer);
  }

  /** Takes over the key that another device of this account shared. Throws `bad_request` when it is none. */
  acceptKey(wrapped: string): Promise<void> {
    return this.#ports.crypto.unwrapKey(this.#ports.userId, wrapped);
  }

  /** Writes what `change` makes of the list, unless that is the same; over what other devices wrote meanwhile. */
  async #change(change: (list: readonly string[]) => readonly string[]): Promise<void> {
    const { api, crypto, userId, retrying } = this.#ports;
    for (let tried = 1; ; tried += 1) {
      const stored = await this.#fetch();
      if (stored.version === 0) await crypto.createKey(userId);
      const list = await this.#open(stored);
      const changed = change(list);
      if (changed === list && stored.version > 0) return;
      const version = stored.version + 1;
      const plaintext = utf8(JSON.stringify(changed));
      const data = toBase64Url(await crypto.seal(plaintext, contextOf(userId, version)));
      try {
        this.#seen = (await retrying(() => api.writeList(version, data))).version;
        return;
      } catch (error) {
        // Another device was quicker: the change is made anew over what it wrote.
        if (!isFailure(error, 'conflict') || tried >= WRITE_TRIES) throw error;
      }
    }
  }

  async #fetch(): Promise<StoredList> {
    const stored = await this.#ports.retrying(() => this.#ports.api.readList());
    if (stored.version < this.#seen) throw damaged('The channel list was taken back');
    this.#seen = stored.version;
    return stored;
  }

  async #open({ version, data }: StoredList): Promise<readonly string[]> {
    const { crypto, userId } = this.#ports;
    if (data === undefined) return [];
    const opened = await crypto.open(fromBase64Url(data), contextOf(userId, version));
    if ('plaintext' in opened) return listOf(opened.plaintext);
    if (opened.unreadable === 'no_key')
      throw new Failure('conflict', { detail: 'This device has not got the key of the channel list yet' });
    throw damaged('The channel list does not open');
  }
}

/** The account stands where a channel would: its devices are the members. The version is part of what is authenticated. */
function contextOf(userId: string, version: number) {
  return { channelId: userId, messageId: `channel-list-${version}` };
}

function listOf(plaintext: Uint8Array): readonly string[] {
  const list: unknown = JSON.parse(fromUtf8(plaintext));
  if (!Array.isArray(list) || !list.every((id) => typeof id === 'string' && CHANNEL_ID.test(id)))
    throw damaged('The channel list has another shape');
  return list;
}

function damaged(detail: string): Failure {
  return new Failure('internal', { detail });
}
