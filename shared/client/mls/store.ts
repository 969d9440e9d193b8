import { fromBase64Url, fromUtf8, toBase64Url, utf8 } from '../../bytes.ts';
import { Failure } from '../../failure.ts';
import type { Position } from '../../position.ts';
import type { MemberDevice } from './suite.ts';

/**
 * Where groups, keys and key packages live; secret, and only for this device. `get` after `set` gives what was set; `set`
 * resolves when the value would survive the process, and replaces as a whole. Both throw what the medium throws.
 */
export interface GroupStore {
  get(key: string): Promise<Uint8Array | undefined>;
  set(key: string, value: Uint8Array): Promise<void>;
  delete(key: string): Promise<void>;
  /** Keys that begin with `prefix`. */
  keys(prefix: string): Promise<readonly string[]>;
}

/** A store that forgets with the process. */
export function memoryGroups(): GroupStore {
  const values = new Map<string, Uint8Array>();
  return {
    get: async (key) => values.get(key),
    set: async (key, value) => void values.set(key, value),
    delete: async (key) => void values.delete(key),
    keys: async (prefix) => [...values.keys()].filter((key) => key.startsWith(prefix)),
  };
}

/** A commit that was handed over and is not decided yet. */
export interface Pending {
  readonly id: string;
  readonly commit: Uint8Array;
  /** The group it leads to. */
  readonly next: Uint8Array;
  readonly invitation: Invitation | undefined;
}
/** A Welcome, and the devices it lets in. */
export interface Invitation {
  readonly devices: readonly MemberDevice[];
  readonly welcome: Uint8Array;
}

/** All that is kept of one channel, replaced as a whole: a message counts as read exactly when its keys are gone. */
export interface ChannelRecord {
  readonly group: Uint8Array;
  /** Of the last publication taken in; absent before the first. */
  readonly position: Position | undefined;
  /** Messages this device has sealed. */
  readonly sent: number;
  /** Number of the newest message of each other device. */
  readonly heard: Readonly<Record<string, number>>;
  readonly pending: Pending | undefined;
  /** Welcomes of a commit that was accepted, not in the mailboxes yet. */
  readonly invitation: Invitation | undefined;
}

const CHANNEL = 'channel:';

export async function loadChannel(store: GroupStore, channelId: string): Promise<ChannelRecord | undefined> {
  const bytes = await store.get(CHANNEL + channelId);
  return bytes === undefined ? undefined : unpack<ChannelRecord>(bytes);
}

export async function saveChannel(
  store: GroupStore,
  channelId: string,
  record: ChannelRecord,
): Promise<void> {
  await store.set(CHANNEL + channelId, pack(record));
}

export async function forgetChannel(store: GroupStore, channelId: string): Promise<void> {
  await store.delete(CHANNEL + channelId);
}

/** Ids of the channels this device has a group of. */
export async function storedChannels(store: GroupStore): Promise<string[]> {
  return (await store.keys(CHANNEL)).map((key) => key.slice(CHANNEL.length));
}

/** Plain data with bytes in it, as bytes. */
export function pack(value: object): Uint8Array {
  const withText = (_: string, field: unknown) =>
    field instanceof Uint8Array ? { bytes: toBase64Url(field) } : field;
  return utf8(JSON.stringify(value, withText));
}

/** What `pack` was given: the caller's own, so its shape is not checked. Throws `bad_request` when it is not JSON. */
export function unpack<T>(packed: Uint8Array): T {
  const withBytes = (_: string, field: unknown) => (isBytes(field) ? fromBase64Url(field.bytes) : field);
  try {
    return JSON.parse(fromUtf8(packed), withBytes) as T; // Written by `pack` from a T, into a store of this device only.
  } catch (cause) {
    throw new Failure('bad_request', { detail: 'What was stored is damaged', cause });
  }
}

function isBytes(field: unknown): field is { bytes: string } {
  return typeof field === 'object' && field !== null && 'bytes' in field && typeof field.bytes === 'string';
}
