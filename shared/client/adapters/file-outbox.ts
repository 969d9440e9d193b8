import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isMessageId } from '../../codec.ts';
import type { KeptMessage, OutboxStore } from '../outbox-store.ts';
import { replaceFile, UNFINISHED } from './atomic-file.ts';

const SUFFIX = '.json';
const NUMBER_DIGITS = 12;

/**
 * One file for each message, in a directory of its own that is made if need be; for one client at a time, on Node and
 * Deno. A crash leaves a message whole or not at all.
 */
export function fileOutbox(directory: string): OutboxStore {
  /** Names by message id; the number in front keeps the order. */
  const names = new Map<string, string>();
  let next = 1;
  let begun: Promise<void> | undefined;

  async function begin(): Promise<void> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const found = (await readdir(directory)).sort();
    const unfinished = found.filter((name) => name.endsWith(UNFINISHED));
    await Promise.all(unfinished.map((name) => rm(join(directory, name), { force: true })));
    for (const name of found.filter((name) => name.endsWith(SUFFIX))) {
      names.set(name.slice(NUMBER_DIGITS + 1, -SUFFIX.length), name);
      next = Number(name.slice(0, NUMBER_DIGITS)) + 1;
    }
  }
  /** Begins once, and anew after a failure. */
  async function ready(): Promise<void> {
    begun ??= begin();
    await begun.catch((error: unknown) => {
      begun = undefined;
      throw error;
    });
  }

  return {
    load: async () => {
      await ready();
      return Promise.all([...names.values()].map((name) => read(join(directory, name))));
    },
    put: async (message) => {
      await ready();
      const name =
        names.get(message.id) ?? `${String(next).padStart(NUMBER_DIGITS, '0')}-${message.id}${SUFFIX}`;
      next += 1;
      await replaceFile(join(directory, name), JSON.stringify(message));
      names.set(message.id, name);
    },
    remove: async (id) => {
      await ready();
      const name = names.get(id);
      if (name !== undefined) await rm(join(directory, name), { force: true });
      names.delete(id);
    },
  };
}

async function read(path: string): Promise<KeptMessage> {
  const { channelId, id, data } = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
  const isWhole = typeof channelId === 'string' && typeof data === 'string';
  if (!isWhole || !isMessageId(id)) throw new Error(`${path} is not a message of an outbox`);
  return { channelId, id, data };
}
