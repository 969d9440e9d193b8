/** The messages of one conversation, in the order of its log, in memory and in the database. */
import { signal } from '@preact/signals';
import type { Position } from '../../../shared/position.ts';
import {
  type Database,
  readMessages,
  type StoredConversation,
  type StoredMessage,
} from '../store/database.ts';

/** Unsent messages stand behind everything else. */
export const UNSENT_PLACE = Number.MAX_SAFE_INTEGER;
const PAGE = 100;

type Counting = Pick<StoredConversation, 'epoch' | 'base'>;

/** What a position counts from: the log may begin a new life, and what came before it stays before it. */
export function countingAt({ epoch, base }: Counting, position: Position, lastPlace: number): Counting {
  if (epoch === position.epoch) return { epoch, base };
  return { epoch: position.epoch, base: epoch === '' ? 0 : Math.floor(lastPlace) + 1 };
}

export class Timeline {
  readonly channelId: string;
  readonly messages = signal<readonly StoredMessage[]>([]);
  /** There are older ones. */
  readonly hasMore = signal(false);
  readonly #database: Database;
  #shown = 0;

  constructor(channelId: string, database: Database) {
    this.channelId = channelId;
    this.#database = database;
  }

  /** Shows another page of what was said before. */
  async more(): Promise<void> {
    this.#shown += PAGE;
    const found = await readMessages(this.#database, this.channelId, this.#shown + 1);
    this.hasMore.value = found.length > this.#shown;
    this.messages.value = found.slice(-this.#shown);
  }

  /** Stores a message, in place of an earlier version of it. False when it was there as it is. */
  async put(message: StoredMessage): Promise<boolean> {
    const before = await this.#database.get('messages', message.id);
    if (
      before?.place === message.place &&
      before.sending === message.sending &&
      before.isReported === message.isReported
    )
      return false;
    await this.#database.put('messages', message);
    const others = this.messages.value.filter(({ id }) => id !== message.id);
    this.messages.value = [...others, message].sort((a, b) => a.place - b.place || a.atMs - b.atMs);
    return true;
  }

  async remove(message: StoredMessage): Promise<void> {
    await this.#database.delete('messages', message.id);
    this.messages.value = this.messages.value.filter(({ id }) => id !== message.id);
  }

  /** Place of the newest message that has one. */
  get lastPlace(): number {
    return this.messages.value.findLast(({ place }) => place < UNSENT_PLACE)?.place ?? 0;
  }

  get queued(): readonly StoredMessage[] {
    return this.messages.value.filter(({ sending }) => sending === 'queued');
  }
}
