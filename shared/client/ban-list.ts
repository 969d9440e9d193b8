/**
 * The moderators' own list of who is banned from a channel, which clients hold the service against. A module of its own.
 *
 * A list is a chain of entries, each with its epoch (from 1), the hash of the entry before, who is banned or let back in,
 * and the keys of the moderators from then on; each is signed by a moderator of the entry before, the first by the owner.
 * So nobody else (a server included) can invent, drop, reorder or take back an entry unnoticed by a client that has seen
 * a later one. What a client cannot notice: entries held back that come after the last one it has seen.
 *
 * Members are named by their tag in the channel, as their messages carry it. Entries travel as encrypted messages, best
 * as conditional publications of a channel of their own, so that the log orders moderators; the service reads nothing.
 */
import { fromUtf8, toBase64Url, utf8 } from '../bytes.ts';
import { isTag } from '../codec.ts';
import { Failure, toFailure } from '../failure.ts';
import type { Tag } from '../frame.ts';
import { signedText, verifiedText } from '../jws.ts';
import { type JWK, thumbprint } from '../token.ts';
import type { Channel } from './channel.ts';
import type { Device } from './device.ts';

const TYP = 'hushwire-ban-list+jws';
/** A thousand tags and fifty keys are some 30 KiB, which one message holds. */
export const TAGS_PER_ENTRY_MAX = 1_000;
export const MODERATORS_MAX = 50;
const ENTRY_CHARS_MAX = 48 * 1024;

/** What an entry changes. */
export interface BanListChange {
  readonly ban?: readonly Tag[];
  readonly lift?: readonly Tag[];
  /** Public signing keys of all moderators' devices from then on; by default who they were. */
  readonly moderators?: readonly JWK[];
}
interface Claims extends Required<BanListChange> {
  readonly channel: string;
  readonly epoch: number;
  /** Hash of the entry before; absent in the first. */
  readonly previous?: string;
}

/** Keeps the entries that were taken, in order. What it gives is verified again, but may not be shorter than it was. */
export interface BanListStore {
  load(channelId: string): Promise<readonly string[]>;
  append(channelId: string, entry: string): Promise<void>;
}

export interface BanListOptions {
  readonly channelId: string;
  /** Public signing key of the owner's device, over a way that is trusted. */
  readonly owner: JWK;
  /** Forgotten with the process by default: then entries that came before can be held back. */
  readonly store?: BanListStore;
}

/** Opens a list with what its store holds. Throws `ban_list_refused` when that is no list of this owner's. */
export async function openBanList(options: BanListOptions): Promise<BanList> {
  const list = new BanList(options.channelId, await byId([options.owner]), options.store);
  for (const entry of (await options.store?.load(options.channelId)) ?? []) await list.restore(entry);
  return list;
}

export interface Following {
  /** Where messages of the banned are not shown: a Channel, or a SecureChannel of the messenger. */
  readonly channel: Pick<Channel, 'hideSenders'>;
  /** Where entries come: either of them, too. */
  readonly entries: {
    on(name: 'message', listener: (message: { readonly bytes: Uint8Array }) => void): () => void;
  };
  readonly onRefused: (failure: Failure) => void;
}

/** Hides whom the list bans in `channel`, and takes what comes in `entries`; what is refused is told and changes nothing. */
export function followBanList(list: BanList, { channel, entries, onRefused }: Following): () => void {
  channel.hideSenders((from) => list.isBanned(from));
  return entries.on('message', (message) => {
    list.take(fromBytes(message.bytes)).catch((error: unknown) => onRefused(toFailure(error)));
  });
}

/** A list as far as this client has seen it. Entries are taken one after another, in the order of the calls. */
export class BanList {
  readonly #channelId: string;
  readonly #store: BanListStore | undefined;
  readonly #hashes: string[] = [];
  readonly #banned = new Set<Tag>();
  #moderators: ReadonlyMap<string, JWK>;
  #last: Promise<unknown> = Promise.resolve();

  constructor(channelId: string, moderators: ReadonlyMap<string, JWK>, store: BanListStore | undefined) {
    this.#channelId = channelId;
    this.#moderators = moderators;
    this.#store = store;
  }

  /** How many entries were taken. */
  get epoch(): number {
    return this.#hashes.length;
  }

  isBanned(member: Tag): boolean {
    return this.#banned.has(member);
  }

  /** Signs the next entry; it counts once it was taken. Throws `bad_request` over its limits. */
  async draft(change: BanListChange, device: Pick<Device, 'deviceId' | 'signing'>): Promise<string> {
    const { ban = [], lift = [], moderators = [...this.#moderators.values()] } = change;
    const previous = this.#hashes.at(-1);
    const link = { channel: this.#channelId, epoch: this.epoch + 1, ...(previous && { previous }) };
    const claims: Claims = { ...link, ban, lift, moderators };
    if (!isClaims(claims)) throw new Failure('bad_request', { detail: 'No entry of a ban list' });
    const { signing, deviceId } = device;
    return signedText(JSON.stringify(claims), { key: signing.privateKey, kid: deviceId, typ: TYP });
  }

  /** Takes the next entry; false when it was taken before. Throws `ban_list_refused` for everything else. */
  take(entry: string): Promise<boolean> {
    return this.#inTurn(() => this.#take(entry, this.#store));
  }

  /**
   * Takes a whole list, as somebody else holds it. Throws `ban_list_refused` also when it ends before what this client has
   * seen: somebody takes entries back.
   */
  async takeAll(entries: readonly string[]): Promise<void> {
    for (const entry of entries) await this.take(entry);
    if (entries.length < this.epoch) throw refused('It ends before what was seen');
  }

  /** Takes an entry that is in the store. */
  restore(entry: string): Promise<boolean> {
    return this.#inTurn(() => this.#take(entry, undefined));
  }

  async #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(act);
    this.#last = turn.catch(() => undefined); // Whoever called is told; the next one has its own turn.
    return turn;
  }

  async #take(entry: string, store: BanListStore | undefined): Promise<boolean> {
    const hash = await hashOf(entry);
    if (this.#hashes.includes(hash)) return false;
    const claims = await this.#verified(entry);
    if (claims.channel !== this.#channelId) throw refused('It is of another channel');
    if (claims.epoch !== this.epoch + 1) throw refused('It is of another epoch');
    if (claims.previous !== this.#hashes.at(-1)) throw refused('It does not follow the entry before');
    const moderators = await byId(claims.moderators);
    await store?.append(this.#channelId, entry);
    this.#moderators = moderators;
    this.#hashes.push(hash);
    for (const tag of claims.lift) this.#banned.delete(tag);
    for (const tag of claims.ban) this.#banned.add(tag);
    return true;
  }

  async #verified(entry: string): Promise<Claims> {
    if (entry.length > ENTRY_CHARS_MAX) throw refused('It is too long');
    try {
      const text = await verifiedText(entry, { typ: TYP, keyOf: (kid) => this.#moderators.get(kid) });
      const claims: unknown = JSON.parse(text);
      if (isClaims(claims)) return claims;
    } catch (cause) {
      throw new Failure('ban_list_refused', { detail: 'No moderator signed it', cause });
    }
    throw refused('It is no entry');
  }
}

async function byId(keys: readonly JWK[]): Promise<ReadonlyMap<string, JWK>> {
  try {
    return new Map(await Promise.all(keys.map(async (key) => [await thumbprint(key), key] as const)));
  } catch (cause) {
    throw new Failure('ban_list_refused', { detail: 'A key is unusable', cause });
  }
}

async function hashOf(text: string): Promise<string> {
  return toBase64Url(new Uint8Array(await crypto.subtle.digest('SHA-256', utf8(text))));
}

/** What is no text is no entry either. */
function fromBytes(bytes: Uint8Array): string {
  try {
    return fromUtf8(bytes);
  } catch {
    return ''; // Refused like any other text that nobody signed.
  }
}

function isClaims(value: unknown): value is Claims {
  if (typeof value !== 'object' || value === null) return false;
  const { channel, epoch, previous, ban, lift, moderators } = value as Record<string, unknown>;
  return (
    typeof channel === 'string' &&
    Number.isSafeInteger(epoch) &&
    (previous === undefined || typeof previous === 'string') &&
    [ban, lift].every(
      (tags) => Array.isArray(tags) && tags.length <= TAGS_PER_ENTRY_MAX && tags.every(isTag),
    ) &&
    Array.isArray(moderators) &&
    moderators.length >= 1 &&
    moderators.length <= MODERATORS_MAX &&
    moderators.every((key) => typeof key === 'object' && key !== null)
  );
}

function refused(detail: string): Failure {
  return new Failure('ban_list_refused', { detail });
}
