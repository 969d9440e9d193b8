/**
 * Messages that were handed over to be published and are not answered yet, in the order they came.
 *
 * Each is sent again with the same id until it is answered, refused for good, recognised in its own channel, or out of
 * time; the node accepts an id once, so nothing is published twice. A connection's end puts everything unanswered back
 * in the queue. Messages of one channel leave in order; one that a node asks to retry may come after later ones.
 *
 * Bounds: 1,000 messages and 16 MiB in all, of these 64 and 1 MiB unanswered on the connection, which leaves room for
 * other commands and keeps a slow uplink from queueing more than it can send.
 *
 * With a store, a message is kept there before it is sent and until it is settled, so that the next client sends what
 * this one could not. Conditional messages are not kept: what they depend on is their sender's to remember, who hands
 * them over again.
 */
import { Failure, toFailure } from '../failure.ts';
import type { Tag } from '../frame.ts';
import type { Position } from '../position.ts';
import type { Clock } from './clock.ts';
import type { Answer, Connection } from './connection.ts';
import type { KeptMessage, OutboxStore } from './outbox-store.ts';
import { type Backoff, pauseMs } from './retry.ts';

export const OUTBOX_MAX_MESSAGES = 1_000;
export const OUTBOX_MAX_CHARS = 16 * 1024 * 1024;
export const WINDOW_MESSAGES = 64;
export const WINDOW_CHARS = 1024 * 1024;

/** What is to be published. */
export interface Outgoing extends KeptMessage {
  /** Accepted only while this is the channel's last conditional publication (offset 0: there is none). */
  readonly ifCommit?: Position;
  /** What the sender commits to. */
  readonly commitment?: string;
}
/** The log has it: at this position, for everybody. */
export interface Published {
  readonly id: string;
  readonly position: Position;
}
/** Over which connection, and under which name, a channel can be published to now. */
export interface Route {
  readonly connection: Connection;
  readonly channel: Tag;
}

/** What became of a message that an earlier client had left unanswered. */
export type Resent = Published & { readonly channelId: string };
export type NotResent = { readonly id: string; readonly channelId: string; readonly failure: Failure };

export interface OutboxPorts {
  /** Keeps what is unanswered over restarts; without it that ends with the client. */
  readonly store?: OutboxStore | undefined;
  readonly onResent?: (outcome: Resent | NotResent) => void;
  /** A settled message could not be removed from the store. */
  readonly onFault?: (failure: Failure) => void;
  readonly clock: Clock;
  readonly backoff: Backoff;
  /** Longest time a message may wait for its answer, in milliseconds; without it, as long as it takes. */
  readonly deadlineMs: number | undefined;
  /** Undefined while the channel cannot be published to. */
  readonly routeOf: (channelId: string) => Route | undefined;
  /** A node asked for new grants. */
  readonly onGrantsWanted: () => void;
}

interface Entry extends Outgoing {
  readonly settle: (outcome: Published | Failure) => void;
  readonly timers: { deadline: () => void; pause: () => void };
  state: 'storing' | 'queued' | 'sent' | 'pausing';
  attempt: number;
}

export class Outbox {
  readonly #ports: OutboxPorts;
  readonly #entries = new Map<string, Entry>();
  #chars = 0;
  #sent = 0;
  #sentChars = 0;
  #isKeeping = false;
  /** The store does one thing after another, so that messages leave in the order they came. Never rejects. */
  #stored: Promise<void> = Promise.resolve();

  constructor(ports: OutboxPorts) {
    this.#ports = ports;
  }

  get size(): number {
    return this.#entries.size;
  }

  /**
   * Resolves when the log has the message. Throws `pending_limit` when the outbox is full, `conflict` when this id is
   * waiting already, `storage_failed` when the store does not take it (it was not sent then), `unavailable` when the time
   * is up (then the same id may be handed over again), or what the node refused it with.
   */
  add(outgoing: Outgoing): Promise<Published> {
    if (this.#entries.has(outgoing.id))
      return Promise.reject(new Failure('conflict', { detail: 'A message with this id is waiting already' }));
    const isFull =
      this.#entries.size >= OUTBOX_MAX_MESSAGES || this.#chars + outgoing.data.length > OUTBOX_MAX_CHARS;
    if (isFull)
      return Promise.reject(new Failure('pending_limit', { detail: 'Too many messages are unanswered' }));
    return new Promise((resolve, reject) => {
      const settle = (outcome: Published | Failure) =>
        outcome instanceof Failure ? reject(outcome) : resolve(outcome);
      const entry = this.#enqueue(outgoing, settle);
      const { store } = this.#ports;
      if (store === undefined) this.flush();
      else this.#keep(entry, store);
    });
  }

  /**
   * Takes over what an earlier client left unanswered, in order and before anything new; what becomes of it is told to
   * `onResent`. Throws `storage_failed`.
   */
  async restore(): Promise<void> {
    const left = await this.#ports.store?.load().catch(refuseStorage);
    for (const outgoing of left ?? []) {
      const { id, channelId } = outgoing;
      const settle = (outcome: Published | Failure) => {
        if (this.#isKeeping) return;
        const isFailure = outcome instanceof Failure;
        this.#ports.onResent?.(isFailure ? { id, channelId, failure: outcome } : { ...outcome, channelId });
      };
      if (!this.#entries.has(id)) this.#enqueue(outgoing, settle);
    }
    this.flush();
  }

  /** Gives up everything here; what is unanswered stays in the store, for the next client. */
  end(failure: Failure): void {
    this.#isKeeping = true;
    this.fail(failure);
  }

  /** Sends what can be sent now. */
  flush(): void {
    for (const entry of this.#entries.values()) {
      if (this.#isWindowFull(entry)) return;
      const route = entry.state === 'queued' ? this.#ports.routeOf(entry.channelId) : undefined;
      if (route !== undefined) this.#send(entry, route);
    }
  }

  /** A publication of our own came by: it was accepted, whether or not its answer ever arrives. */
  recognise(id: string, position: Position): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined) this.#settle(entry, { id, position });
  }

  /** Its sender takes a message back. */
  drop(id: string): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined) this.#settle(entry, new Failure('conflict', { detail: 'Taken back' }));
  }

  /** Gives up the messages of one channel, or all of them. */
  fail(failure: Failure, channelId?: string): void {
    for (const entry of [...this.#entries.values()])
      if (channelId === undefined || entry.channelId === channelId) this.#settle(entry, failure);
  }

  #keep(entry: Entry, store: OutboxStore): void {
    this.#mark(entry, 'storing');
    const { channelId, id, data, ifCommit } = entry;
    const put = async () => (ifCommit === undefined ? store.put({ channelId, id, data }) : undefined);
    const queue = () => {
      if (this.#entries.get(id) !== entry) return;
      this.#mark(entry, 'queued');
      this.flush();
    };
    this.#stored = this.#stored
      .then(put)
      .catch(refuseStorage)
      .then(queue, (failure) => this.#settle(entry, failure));
  }

  #enqueue(outgoing: Outgoing, settle: Entry['settle']): Entry {
    const { clock, deadlineMs } = this.#ports;
    const timers = {
      deadline:
        deadlineMs === undefined ? () => undefined : clock.after(deadlineMs, () => this.#expire(outgoing.id)),
      pause: () => undefined,
    };
    const entry: Entry = { ...outgoing, settle, timers, state: 'queued', attempt: 0 };
    this.#entries.set(outgoing.id, entry);
    this.#chars += outgoing.data.length;
    return entry;
  }

  /** One message always fits, whatever its size. */
  #isWindowFull({ data }: Entry): boolean {
    return this.#sent >= WINDOW_MESSAGES || (this.#sent > 0 && this.#sentChars + data.length > WINDOW_CHARS);
  }

  #send(entry: Entry, { connection, channel }: Route): void {
    this.#mark(entry, 'sent');
    const { id, data, ifCommit, commitment } = entry;
    const more = {
      ...(ifCommit === undefined ? {} : { ifCommit }),
      ...(commitment === undefined ? {} : { commitment }),
    };
    connection.request({ type: 'publish', channel, id, data, ...more }).then(
      (answer) => this.#answered(entry, answer),
      (error) => this.#refused(entry, toFailure(error), connection),
    );
  }

  #answered(entry: Entry, answer: Answer): void {
    const isPublished = 'position' in answer;
    this.#settle(entry, isPublished ? { id: entry.id, position: answer.position } : new Failure('internal'));
    this.flush();
  }

  #refused(entry: Entry, failure: Failure, connection: Connection): void {
    if (this.#entries.get(entry.id) !== entry) return;
    if (!connection.isOpen) this.#mark(entry, 'queued');
    else if (failure.retry === 'never') this.#settle(entry, failure);
    else this.#pause(entry, failure);
    this.flush();
  }

  #pause(entry: Entry, failure: Failure): void {
    const { clock, backoff, onGrantsWanted } = this.#ports;
    if (failure.retry === 'new-ticket') onGrantsWanted();
    this.#mark(entry, 'pausing');
    const ms = pauseMs(entry.attempt, { failure, backoff, clock });
    entry.attempt += 1;
    entry.timers.pause = clock.after(ms, () => {
      this.#mark(entry, 'queued');
      this.flush();
    });
  }

  #expire(id: string): void {
    const entry = this.#entries.get(id);
    const failure = new Failure('unavailable', {
      detail: 'No answer in time; whether it was published is unknown',
    });
    if (entry !== undefined) this.#settle(entry, failure);
  }

  #settle(entry: Entry, outcome: Published | Failure): void {
    if (this.#entries.get(entry.id) !== entry) return;
    this.#entries.delete(entry.id);
    this.#mark(entry, 'queued');
    this.#chars -= entry.data.length;
    entry.timers.deadline();
    entry.timers.pause();
    this.#forget(entry);
    entry.settle(outcome);
  }

  /** After its `put`. One that cannot be removed is sent again by the next client, with the same id. */
  #forget({ id, ifCommit }: Entry): void {
    const { store, onFault } = this.#ports;
    if (store === undefined || ifCommit !== undefined || this.#isKeeping) return;
    this.#stored = this.#stored
      .then(() => store.remove(id))
      .catch(refuseStorage)
      .catch((failure) => onFault?.(failure));
  }

  /** The only place where a state changes, so that the window's sums follow it. */
  #mark(entry: Entry, state: Entry['state']): void {
    const change = Number(state === 'sent') - Number(entry.state === 'sent');
    this.#sent += change;
    this.#sentChars += change * entry.data.length;
    entry.state = state;
  }
}

function refuseStorage(cause: unknown): never {
  throw new Failure('storage_failed', { cause });
}
