import { type DBSchema, type IDBPDatabase, type IDBPTransaction, openDB } from 'idb';
import type { StoredDevice } from '../device.ts';
import type { KnownLog } from '../known-logs.ts';
import type { KeptMessage, OutboxStore } from '../outbox-store.ts';
import type { Stores } from '../stores.ts';

type Value = StoredDevice | KnownLog | Uint8Array | string;

/** The keys of messages count up and are never used twice, which keeps the order; they are found by their id. */
interface Schema extends DBSchema {
  messages: { key: number; value: KeptMessage; indexes: { id: string } };
  values: { key: string; value: Value };
}
type Name = 'messages' | 'values';
type Transaction = IDBPTransaction<Schema, Name[], 'readwrite'>;
type Run = <T>(work: (transaction: Transaction) => Promise<T>) => Promise<T>;

const NAMES: Name[] = ['messages', 'values'];

/**
 * Waits until no other tab or worker of this origin has the device of this database, and then has it until the returned
 * function is called, or the page ends in any way (Web Locks API). With `isPatient: false` it does not wait: undefined says
 * that another one has it. One tab at a time, because two would undo each other's steps with the keys of groups.
 */
export async function claimDevice(
  database = 'hushwire',
  { isPatient = true, signal }: { readonly isPatient?: boolean; readonly signal?: AbortSignal } = {},
): Promise<(() => void) | undefined> {
  const { promise: given, resolve: give } = withResolvers<boolean>();
  const { promise: released, resolve: release } = withResolvers<void>();
  const options = isPatient ? (signal === undefined ? {} : { signal }) : { ifAvailable: true };
  const held = navigator.locks.request(`hushwire:${database}`, options, (lock) => {
    give(lock !== null);
    return lock === null ? undefined : released;
  });
  // Ends in time of the wait, with the signal's reason, or when it is released.
  const isGiven = await Promise.race([given, held.then(() => given)]);
  return isGiven ? () => release() : undefined;
}

/**
 * One device in an IndexedDB database, for browsers: its private keys are objects that no script can read, and what is
 * saved is flushed. Where several tabs may be open, `claimDevice` comes first.
 */
export function indexedStores(database = 'hushwire'): Stores {
  const run = transactions(database);
  const get = <T extends Value>(key: string) =>
    run(async (transaction) => (await transaction.objectStore('values').get(key)) as T | undefined); // As it was put under this key.
  const put = (key: string, value: Value) =>
    run(async (transaction) => void (await transaction.objectStore('values').put(value, key)));
  const group = (key: string) => `group:${key}`;
  return {
    store: {
      holdsKeyObjects: true,
      load: () => get<StoredDevice>('device'),
      save: (device) => put('device', device),
    },
    groups: {
      get: (key) => get<Uint8Array>(group(key)),
      set: (key, value) => put(group(key), value),
      delete: (key) => run((transaction) => transaction.objectStore('values').delete(group(key))),
      keys: (prefix) =>
        run(async (transaction) => {
          const found = await transaction
            .objectStore('values')
            .getAllKeys(IDBKeyRange.bound(group(prefix), `${group(prefix)}\uffff`));
          return found.map((key) => key.slice(group('').length));
        }),
    },
    knownLogs: {
      load: (userId) => get<KnownLog>(`log:${userId}`),
      save: (userId, log) => put(`log:${userId}`, log),
    },
    mailboxEpochs: { load: () => get<string>('epoch'), save: (epoch) => put('epoch', epoch) },
    sessions: { load: () => get<string>('session'), save: (sessionId) => put('session', sessionId) },
    outbox: outboxOf(run),
  };
}

function outboxOf(run: Run): OutboxStore {
  return {
    load: () => run((transaction) => transaction.objectStore('messages').getAll()),
    put: (message) =>
      run(async (transaction) => {
        const messages = transaction.objectStore('messages');
        await messages.put(message, await messages.index('id').getKey(message.id));
      }),
    remove: (id) =>
      run(async (transaction) => {
        const messages = transaction.objectStore('messages');
        const key = await messages.index('id').getKey(id);
        if (key !== undefined) await messages.delete(key);
      }),
  };
}

/** `Promise.withResolvers`, which is younger than the browsers this is for. */
function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** Opens once, and anew after a failure or when the browser took the database away. */
function transactions(database: string): Run {
  let opened: Promise<IDBPDatabase<Schema>> | undefined;
  const close = () => {
    opened = undefined;
  };
  return async (work) => {
    opened ??= open(database, close);
    const db = await opened.catch((error: unknown) => {
      close();
      throw error;
    });
    const transaction = db.transaction(NAMES, 'readwrite', { durability: 'strict' });
    const [result] = await Promise.all([work(transaction), transaction.done]);
    return result;
  };
}

function open(database: string, onLost: () => void): Promise<IDBPDatabase<Schema>> {
  return openDB<Schema>(database, 1, {
    upgrade: (db) => {
      db.createObjectStore('messages', { autoIncrement: true }).createIndex('id', 'id', { unique: true });
      db.createObjectStore('values');
    },
    terminated: onLost,
  });
}
