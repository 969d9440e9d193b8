/**
 * Receives the mailbox of this device: one item after the other to the application, and an ack when that has dealt with
 * it. What was not acked comes again on the next connection; what was dealt with and comes again is acked and dropped.
 */
import { fromBase64Url } from '../bytes.ts';
import { type Failure, toFailure } from '../failure.ts';
import type { DeliveryFrame, SeqRange } from '../frame.ts';
import { LIMITS } from '../limits.ts';
import { type Clock, wait } from './clock.ts';
import type { Connection, MailEvent } from './connection.ts';
import type { Emitter } from './emitter.ts';
import { type Backoff, pauseMs } from './retry.ts';

export interface MailItem {
  /** As its sender chose it; who that was must stand in the ciphertext, signed. */
  readonly id: string;
  readonly ciphertext: Uint8Array;
}
/** Resolves when the item is safe: only then is it acked, and gone. */
export type MailHandler = (item: MailItem) => unknown;

export interface MailEvents {
  /** Items may have been lost: the mailbox began a new life. */
  readonly lost: { readonly epoch: string };
  /** A newer connection of this device, from another process, receives the mailbox now. */
  readonly detached: { readonly failure: Failure | undefined };
  /** The handler threw; the item stays in the mailbox and comes again on the next connection. */
  readonly unhandled: { readonly id: string; readonly error: unknown };
}

/** Remembers the epoch of the mailbox, so that a loss is noticed over restarts as well. */
export interface EpochStore {
  load(): Promise<string | undefined>;
  save(epoch: string): Promise<void>;
}

export interface ReceiverPorts {
  readonly clock: Clock;
  readonly backoff: Backoff;
  readonly emitter: Emitter<MailEvents>;
  readonly epochs: EpochStore;
  readonly signal: AbortSignal;
}

/** Ids remembered against repeats: four times what a mailbox holds. */
const REMEMBERED_IDS = 2_048;

export class MailReceiver {
  readonly #ports: ReceiverPorts;
  readonly #seen = new Set<string>();
  /** Bounded by the window the node keeps to: so many items come unacked. */
  readonly #queue: { readonly frame: DeliveryFrame; readonly from: Connection }[] = [];
  #handler: MailHandler | undefined;
  #connection: Connection | undefined;
  #isPumping = false;
  /** Of the mailbox, as far as it is known; undefined before the store was asked. */
  #epoch: { readonly value: string | undefined } | undefined;

  constructor(ports: ReceiverPorts) {
    this.#ports = ports;
  }

  /** Begins to receive, here and on every later connection; a second call takes the place of the first. */
  receive(handler: MailHandler): void {
    this.#handler = handler;
    if (this.#connection !== undefined) void this.#attach(this.#connection);
  }

  use(connection: Connection | undefined): void {
    if (connection === this.#connection) return;
    this.#connection = connection;
    this.#queue.length = 0;
    if (connection !== undefined && this.#handler !== undefined) void this.#attach(connection);
  }

  take(event: MailEvent, from: Connection): void {
    if (from !== this.#connection) return; // That of a connection which another has replaced comes again.
    if (event.type === 'detached') return this.#ports.emitter.emit('detached', { failure: undefined });
    if (this.#queue.length >= LIMITS.unackedItems) return; // More than a node sends; it comes again.
    this.#queue.push({ frame: event, from });
    void this.#pump();
  }

  /** Until it succeeds, or the connection is no longer the one to receive on. */
  async #attach(connection: Connection): Promise<void> {
    const { clock, backoff, signal } = this.#ports;
    for (let tried = 0; connection === this.#connection && !signal.aborted; tried += 1) {
      try {
        const answer = await connection.request({ type: 'attach' });
        if ('epoch' in answer) await this.#noteEpoch(answer.epoch);
        return;
      } catch (error) {
        const failure = toFailure(error);
        if (!connection.isOpen || failure.retry === 'never') return;
        await wait(clock, pauseMs(tried, { failure, backoff, clock }), signal).catch(() => undefined);
      }
    }
  }

  async #pump(): Promise<void> {
    if (this.#isPumping) return;
    this.#isPumping = true;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift())
      if (await this.#handle(next.frame)) await this.#ack(next.frame, next.from);
    this.#isPumping = false;
  }

  /** True when the item may be acked. */
  async #handle({ id, data, epoch }: DeliveryFrame): Promise<boolean> {
    await this.#noteEpoch(epoch);
    if (this.#seen.has(id)) return true;
    try {
      await this.#handler?.({ id, ciphertext: fromBase64Url(data) });
    } catch (error) {
      this.#ports.emitter.emit('unhandled', { id, error });
      return false;
    }
    this.#remember(id);
    return true;
  }

  async #ack({ seq }: DeliveryFrame, from: Connection): Promise<void> {
    const ranges: readonly SeqRange[] = [[seq, seq]];
    try {
      await from.request({ type: 'ack', ranges });
    } catch (error) {
      const failure = toFailure(error);
      // Not acked, it comes again, and is known then. An attachment that was lost is made anew.
      if (failure.code === 'superseded' && from === this.#connection && from.isOpen) void this.#attach(from);
    }
  }

  /** Told once for each new life, however many frames bring it at the same time. */
  async #noteEpoch(epoch: string): Promise<void> {
    const { epochs, emitter } = this.#ports;
    const loaded = this.#epoch ?? { value: await epochs.load() };
    this.#epoch ??= loaded;
    const { value: known } = this.#epoch;
    if (known === epoch) return;
    this.#epoch = { value: epoch };
    await epochs.save(epoch);
    if (known !== undefined) emitter.emit('lost', { epoch });
  }

  #remember(id: string): void {
    this.#seen.add(id);
    const [oldest] = this.#seen;
    if (this.#seen.size > REMEMBERED_IDS && oldest !== undefined) this.#seen.delete(oldest);
  }
}

/** A store that forgets with the process. */
export function memoryEpochs(): EpochStore {
  let held: string | undefined;
  return {
    load: async () => held,
    save: async (epoch) => {
      held = epoch;
    },
  };
}
