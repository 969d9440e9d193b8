import { type DBSchema, type IDBPDatabase, openDB } from 'idb';
import type { KeptMessage, OutboxStore } from '../outbox-store.ts';

/** Keys count up and are never used twice, which keeps the order; messages are found by their id. */
interface Schema extends DBSchema {
  messages: { key: number; value: KeptMessage; indexes: { id: string } };
}

/**
 * Messages in an IndexedDB database of their own, for browsers and their workers; several tabs may have it open. A message
 * counts as put when the browser has flushed it.
 */
export function indexedOutbox(database = 'hushwire-outbox'): OutboxStore {
  let opened: Promise<IDBPDatabase<Schema>> | undefined;

  /** Opens once, and anew after a failure or when the browser took the database away. */
  async function transaction() {
    opened ??= open(database, () => {
      opened = undefined;
    });
    const db = await opened.catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return db.transaction('messages', 'readwrite', { durability: 'strict' });
  }

  return {
    load: async () => (await transaction()).store.getAll(),
    put: async (message) => {
      const { store, done } = await transaction();
      const write = async () => store.put(message, await store.index('id').getKey(message.id));
      await Promise.all([write(), done]);
    },
    remove: async (id) => {
      const { store, done } = await transaction();
      const erase = async () => {
        const key = await store.index('id').getKey(id);
        if (key !== undefined) await store.delete(key);
      };
      await Promise.all([erase(), done]);
    },
  };
}

function open(database: string, onLost: () => void): Promise<IDBPDatabase<Schema>> {
  return openDB<Schema>(database, 1, {
    upgrade: (db) => {
      db.createObjectStore('messages', { autoIncrement: true }).createIndex('id', 'id', { unique: true });
    },
    terminated: onLost,
  });
}
