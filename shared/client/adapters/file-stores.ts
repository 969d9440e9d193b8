import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DeviceStore } from '../device.ts';
import { type DeviceRecord, fromRecord, toRecord } from '../device-record.ts';
import type { KnownLog, KnownLogStore } from '../known-logs.ts';
import type { EpochStore } from '../mail-receiver.ts';
import type { GroupStore } from '../mls/store.ts';
import type { SessionStore } from '../session.ts';
import type { Stores } from '../stores.ts';
import { readIfThere, replaceFile, UNFINISHED } from './atomic-file.ts';
import { fileOutbox } from './file-outbox.ts';

/**
 * One device in a directory, on Node and Deno: made if need be, readable by its owner alone, for one client at a time.
 * `createAccount({ edge, ...(await fileStores(directory)) })`.
 */
export async function fileStores(directory: string): Promise<Stores> {
  const place = (name: string) => join(directory, name);
  for (const name of ['groups', 'known-logs']) await mkdir(place(name), { recursive: true, mode: 0o700 });
  return {
    store: deviceIn(place('device.json')),
    groups: groupsIn(place('groups')),
    knownLogs: knownLogsIn(place('known-logs')),
    mailboxEpochs: textIn(place('mailbox-epoch')),
    sessions: textIn(place('session')),
    outbox: fileOutbox(place('outbox')),
  };
}

function deviceIn(path: string): DeviceStore {
  return {
    holdsKeyObjects: false,
    load: async () => {
      const text = await readIfThere(path);
      return text === undefined ? undefined : fromRecord(JSON.parse(text.toString()) as DeviceRecord); // As `save` wrote it.
    },
    save: async (device) => replaceFile(path, JSON.stringify(await toRecord(device))),
  };
}

function groupsIn(directory: string): GroupStore {
  const pathOf = (key: string) => join(directory, encodeURIComponent(key));
  return {
    get: async (key) => {
      const bytes = await readIfThere(pathOf(key));
      return bytes === undefined ? undefined : new Uint8Array(bytes);
    },
    set: (key, value) => replaceFile(pathOf(key), value),
    delete: (key) => rm(pathOf(key), { force: true }),
    keys: async (prefix) =>
      (await readdir(directory))
        .filter((name) => !name.endsWith(UNFINISHED))
        .map(decodeURIComponent)
        .filter((key) => key.startsWith(prefix)),
  };
}

function knownLogsIn(directory: string): KnownLogStore {
  const pathOf = (userId: string) => join(directory, `${encodeURIComponent(userId)}.json`);
  return {
    load: async (userId) => {
      const text = await readIfThere(pathOf(userId));
      return text === undefined ? undefined : (JSON.parse(text.toString()) as KnownLog); // As `save` wrote it.
    },
    save: (userId, log) => replaceFile(pathOf(userId), JSON.stringify(log)),
  };
}

function textIn(path: string): EpochStore & SessionStore {
  return {
    load: async () => (await readIfThere(path))?.toString(),
    save: (text) => replaceFile(path, text),
  };
}
