/** What this browser keeps: keys, groups, and what was said. It never leaves it. */
import { type DBSchema, type IDBPDatabase, openDB } from 'idb';
import type { StoredDevice } from '../../../shared/client/device.ts';
import type { KnownLog } from '../../../shared/client/known-logs.ts';
import type { Reportable } from '../../../shared/client/report.ts';
import type { FailureCode } from '../../../shared/failures.ts';
import type { Tag } from '../../../shared/frame.ts';
import type { JWK } from '../../../shared/token.ts';

export type Language = 'en' | 'ru';

/** What its owner has decided or said about themselves. */
export interface Profile {
  readonly name: string;
  /** Shows others when this person is here, types, and has read. */
  readonly isShown: boolean;
  readonly language?: Language;
  /** A second factor was set up or asked for here. */
  readonly hasTotp?: boolean;
  readonly wantsNotifications?: boolean;
  /** Notifications name who wrote, and where. */
  readonly namesInNotifications?: boolean;
  /** Users whose safety number was compared, with the number it was. */
  readonly verified?: Readonly<Record<string, string>>;
}

/** How far a member is, as places (see `Place`). */
export interface Mark {
  readonly delivered: number;
  readonly read: number;
}

export interface StoredConversation {
  readonly channelId: string;
  readonly title: string;
  readonly ownerId: string;
  /** What people call themselves. */
  readonly names: Readonly<Record<string, string>>;
  /** Users in the group, this one included. */
  readonly members: readonly string[];
  readonly marks: Readonly<Record<string, Mark>>;
  /** Who moderates besides its owner, and the keys for reports to both, by user and device. */
  readonly moderators?: Readonly<Record<string, Readonly<Record<string, JWK>>>>;
  /** Member tags, by user, as messages of theirs came with. */
  readonly tags?: Readonly<Record<string, Tag>>;
  readonly unread: number;
  readonly lastAtMs: number;
  readonly preview: string;
  /** The log's life that places count in, and what came before it. */
  readonly epoch: string;
  readonly base: number;
  /** Waits to be let in: the key of the invitation it came with, and whether its owner was asked. */
  readonly pending?: { readonly key: string; readonly isAsked: boolean };
  /** Why this device is no longer in it. */
  readonly ended?: FailureCode;
}

/** How a message of one's own stands. */
export type Sending = 'queued' | 'sent' | 'refused';
export type Notice = 'joined' | 'left' | 'gap';

export interface StoredMessage {
  readonly id: string;
  readonly channelId: string;
  /** Where it stands in the conversation: its place in the log; unsent ones come last. */
  readonly place: number;
  /** Of the sender's clock. */
  readonly atMs: number;
  readonly userId: string;
  readonly text: string;
  readonly sending?: Sending;
  readonly notice?: Notice;
  /** How many of the same sender did not come before it. */
  readonly missing?: number;
  /** What a report of it takes. */
  readonly proof?: Omit<Reportable, 'id'>;
  readonly isReported?: boolean;
}

/** A report that was verified. */
export interface StoredReport {
  readonly channelId: string;
  readonly messageId: string;
  /** Member tag of who sent the message. */
  readonly from: Tag;
  readonly text: string;
  /** The hour in which it was relayed. */
  readonly relayedMs: number;
  readonly isDone: boolean;
}

/** A link that lets people in. */
export interface StoredInvitation {
  readonly id: string;
  readonly channelId: string;
  readonly key: string;
  readonly expiresAtMs: number;
}

/** Somebody with a link, who is not let in yet. */
export interface StoredRequest {
  readonly channelId: string;
  readonly userId: string;
  readonly name: string;
}

/** What other devices of the account and this one tell each other under. */
export interface Siblings {
  readonly key: string;
  /** Of a device that was let in: what it asks under. */
  readonly askedUnder?: string;
  /** This device was let in, and not yet told of the channels. */
  readonly isNew?: boolean;
}

interface Own {
  readonly device: StoredDevice;
  readonly session: string;
  readonly mailbox: string;
  readonly profile: Profile;
  readonly siblings: Siblings;
  /** How many reports came that nothing proves. */
  readonly unprovedReports: number;
}

interface Schema extends DBSchema {
  own: { key: keyof Own; value: Own[keyof Own] };
  groups: { key: string; value: Uint8Array };
  logs: { key: string; value: KnownLog };
  conversations: { key: string; value: StoredConversation };
  messages: { key: string; value: StoredMessage; indexes: { byPlace: [string, number, number] } };
  invitations: { key: string; value: StoredInvitation };
  requests: { key: [string, string]; value: StoredRequest };
  reports: { key: [string, string]; value: StoredReport };
}

export type Database = IDBPDatabase<Schema>;
const NAME = 'hushwire';

export function openDatabase(): Promise<Database> {
  return openDB<Schema>(NAME, 2, {
    upgrade: (database, from) => {
      if (from < 2) database.createObjectStore('reports', { keyPath: ['channelId', 'messageId'] });
      if (from > 0) return;
      for (const name of ['own', 'groups', 'logs'] as const) database.createObjectStore(name);
      database.createObjectStore('conversations', { keyPath: 'channelId' });
      const messages = database.createObjectStore('messages', { keyPath: 'id' });
      messages.createIndex('byPlace', ['channelId', 'place', 'atMs']);
      database.createObjectStore('invitations', { keyPath: 'id' });
      database.createObjectStore('requests', { keyPath: ['channelId', 'userId'] });
    },
  });
}

export async function readOwn<K extends keyof Own>(database: Database, key: K): Promise<Own[K] | undefined> {
  return (await database.get('own', key)) as Own[K] | undefined; // Only `writeOwn` writes there.
}

export async function writeOwn<K extends keyof Own>(
  database: Database,
  key: K,
  value: Own[K],
): Promise<void> {
  await database.put('own', value, key);
}

/** Forgets everything but the language. */
export async function clearDatabase(database: Database): Promise<void> {
  const names = [...database.objectStoreNames];
  const transaction = database.transaction(names, 'readwrite');
  await Promise.all([...names.map((name) => transaction.objectStore(name).clear()), transaction.done]);
}

/** The newest messages of a conversation, in order. */
export async function readMessages(
  database: Database,
  channelId: string,
  count: number,
): Promise<StoredMessage[]> {
  const range = IDBKeyRange.bound([channelId, 0, 0], [channelId, Number.MAX_VALUE, Number.MAX_VALUE]);
  const found: StoredMessage[] = [];
  let cursor = await database.transaction('messages').store.index('byPlace').openCursor(range, 'prev');
  while (cursor !== null && found.length < count) {
    found.push(cursor.value);
    cursor = await cursor.continue();
  }
  return found.reverse();
}
