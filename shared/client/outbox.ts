/**
 * Messages that were handed over to be published and are not answered yet, in the order they came.
 *
 * Each is sent again with the same id until it is answered, refused for good, recognised in its own channel, or out of
 * time; the node accepts an id once, so nothing is published twice. A connection's end puts everything unanswered back
 * in the queue. Messages of one channel leave in order; one that a node asks to retry may come after later ones.
 *
 * Bounds: 1,000 messages and 16 MiB in all, of these 64 and 1 MiB unanswered on the connection, which leaves room for
 * other commands and keeps a slow uplink from queueing more than it can send.
 */
import { Failure, toFailure } from '../failure.ts';
import type { Tag } from '../frame.ts';
import type { Position } from '../position.ts';
import type { Clock } from './clock.ts';
import type { Answer, Connection } from './connection.ts';
import { type Backoff, pauseMs } from './retry.ts';

export const OUTBOX_MAX_MESSAGES = 1_000;
export const OUTBOX_MAX_CHARS = 16 * 1024 * 1024;
export const WINDOW_MESSAGES = 64;
export const WINDOW_CHARS = 1024 * 1024;

/** What is to be published; `data` is ciphertext as base64url. */
export interface Outgoing {
  readonly channelId: string;
  readonly id: string;
  readonly data: string;
  /** Accepted only while this is the channel's last conditional publication (offset 0: there is none). */
  readonly ifCommit?: Position;
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

export interface OutboxPorts {
  readonly clock: Clock;
  readonly backoff: Backoff;
  /** Longest time a message may wait for its answer, in milliseconds. */
  readonly deadlineMs: number;
  /** Undefined while the channel cannot be published to. */
  readonly routeOf: (channelId: string) => Route | undefined;
  /** A node asked for new grants. */
  readonly onGrantsWanted: () => void;
}

interface Entry extends Outgoing {
  readonly settle: (outcome: Published | Failure) => void;
  readonly timers: { deadline: () => void; pause: () => void };
  state: 'queued' | 'sent' | 'pausing';
  attempt: number;
}

export class Outbox {
  readonly #ports: OutboxPorts;
  readonly #entries = new Map<string, Entry>();
  #chars = 0;
  #sent = 0;
  #sentChars = 0;

  constructor(ports: OutboxPorts) {
    this.#ports = ports;
  }

  get size(): number {
    return this.#entries.size;
  }

  /**
   * Resolves when the log has the message. Throws `pending_limit` when the outbox is full, `conflict` when this id is
   * waiting already, `unavailable` when the time is up (then the same id may be handed over again), or what the node
   * refused it with.
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
      this.#enqueue(outgoing, settle);
      this.flush();
    });
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

  #enqueue(outgoing: Outgoing, settle: Entry['settle']): void {
    const { clock, deadlineMs } = this.#ports;
    const timers = {
      deadline: clock.after(deadlineMs, () => this.#expire(outgoing.id)),
      pause: () => undefined,
    };
    this.#entries.set(outgoing.id, { ...outgoing, settle, timers, state: 'queued', attempt: 0 });
    this.#chars += outgoing.data.length;
  }

  /** One message always fits, whatever its size. */
  #isWindowFull({ data }: Entry): boolean {
    return this.#sent >= WINDOW_MESSAGES || (this.#sent > 0 && this.#sentChars + data.length > WINDOW_CHARS);
  }

  #send(entry: Entry, { connection, channel }: Route): void {
    this.#mark(entry, 'sent');
    const { id, data, ifCommit } = entry;
    const condition = ifCommit === undefined ? {} : { ifCommit };
    connection.request({ type: 'publish', channel, id, data, ...condition }).then(
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
    entry.settle(outcome);
  }

  /** The only place where a state changes, so that the window's sums follow it. */
  #mark(entry: Entry, state: Entry['state']): void {
    const change = Number(state === 'sent') - Number(entry.state === 'sent');
    this.#sent += change;
    this.#sentChars += change * entry.data.length;
    entry.state = state;
  }
}
