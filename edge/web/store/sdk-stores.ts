/** The stores that the SDK asks for, in this browser's database. */
import type { DeviceStore } from '../../../shared/client/device.ts';
import type { KnownLogStore } from '../../../shared/client/known-logs.ts';
import type { EpochStore } from '../../../shared/client/mail-receiver.ts';
import type { GroupStore } from '../../../shared/client/mls/store.ts';
import type { SessionStore } from '../../../shared/client/session.ts';
import { type Database, readOwn, writeOwn } from './database.ts';

export interface SdkStores {
  readonly store: DeviceStore;
  readonly groups: GroupStore;
  readonly knownLogs: KnownLogStore;
  readonly mailboxEpochs: EpochStore;
  readonly sessions: SessionStore;
}

/** Each resolves when the browser has written. The device's keys are kept as objects that no script can read. */
export function createSdkStores(database: Database): SdkStores {
  return {
    store: {
      holdsKeyObjects: true,
      load: () => readOwn(database, 'device'),
      save: (device) => writeOwn(database, 'device', device),
    },
    groups: {
      get: (key) => database.get('groups', key),
      set: async (key, value) => void (await database.put('groups', value, key)),
      delete: (key) => database.delete('groups', key),
      keys: (prefix) => database.getAllKeys('groups', IDBKeyRange.bound(prefix, `${prefix}\uffff`)),
    },
    knownLogs: {
      load: (userId) => database.get('logs', userId),
      save: async (userId, log) => void (await database.put('logs', log, userId)),
    },
    mailboxEpochs: {
      load: () => readOwn(database, 'mailbox'),
      save: (epoch) => writeOwn(database, 'mailbox', epoch),
    },
    sessions: {
      load: () => readOwn(database, 'session'),
      save: (sessionId) => writeOwn(database, 'session', sessionId),
    },
  };
}
