/**
 * Receives the mailbox of one device on one connection.
 *
 * Items wait in the relay and are read page by page; at most `LIMITS.unackedItems` are with the device unacked, so a
 * slow device costs no memory here. What the relay announces is only "look": the queue itself is the truth, so a lost
 * or doubled announcement does no harm. The device's newest attachment owns the mailbox; an older one ends with
 * `detached` when it hears of the newer, or at the latest when its ack is refused.
 */
import { backoffMs } from '../shared/backoff.ts';
import { encodeDelivery, encodeServerFrame } from '../shared/codec.ts';
import { Failure, isFailure } from '../shared/failure.ts';
import type { SeqRange, Tag } from '../shared/frame.ts';
import { LIMITS } from '../shared/limits.ts';
import type { Attachment, Mailboxes, Socket } from './ports.ts';

export interface InboxPorts {
  readonly mailboxes: Mailboxes;
  readonly socket: Socket;
  readonly wait: (ms: number) => Promise<void>;
  readonly onDelivered: (items: number) => void;
}

export class Inbox {
  readonly mailbox: Tag;
  readonly #ports: InboxPorts;
  readonly #unacked = new Set<number>();
  #attachment: Attachment | undefined;
  #cursor = 0;
  #isPumping = false;
  #isAnnounced = false;

  constructor(mailbox: Tag, ports: InboxPorts) {
    this.mailbox = mailbox;
    this.#ports = ports;
  }

  /** Takes the mailbox over from older connections and begins to deliver; resolves to its epoch. */
  async attach(): Promise<string> {
    const attachment = await this.#ports.mailboxes.attach(this.mailbox);
    this.#begin(attachment);
    return attachment.epoch;
  }

  /**
   * Deletes acked items; throws `superseded` when this connection no longer owns the mailbox, or when the epoch in which
   * they were delivered is over. In the second case what is left comes again, in the new one.
   */
  async ack(ranges: readonly SeqRange[]): Promise<void> {
    const attachment = this.#attachment;
    if (attachment === undefined) throw new Failure('superseded');
    const outcome = await this.#ports.mailboxes.ack(attachment, ranges);
    if (outcome === 'superseded') this.supersede(Number.POSITIVE_INFINITY);
    if (outcome === 'over') await this.#claim(attachment);
    if (outcome !== 'deleted') throw new Failure('superseded');
    for (const seq of this.#unacked)
      if (ranges.some(([first, last]) => seq >= first && seq <= last)) this.#unacked.delete(seq);
    void this.look();
  }

  /** A connection attached with this fence; ends this one if it is the older. */
  supersede(fence: number): void {
    if (this.#attachment === undefined || fence <= this.#attachment.fence) return;
    this.close();
    this.#ports.socket.send(encodeServerFrame({ type: 'detached', code: 'superseded' }));
  }

  close(): void {
    this.#attachment = undefined;
  }

  /** Delivers what there is, as far as the device has room. Never throws. */
  async look(): Promise<void> {
    this.#isAnnounced = true;
    if (this.#isPumping) return;
    this.#isPumping = true;
    for (let attempt = 0; this.#isAnnounced && this.#hasRoom(); ) {
      this.#isAnnounced = false;
      try {
        await this.#deliverPage();
        attempt = 0;
      } catch (error) {
        if (!isFailure(error, 'unavailable')) throw error;
        this.#isAnnounced = true;
        await this.#ports.wait(50 + backoffMs(attempt, { baseMs: 100, capMs: 2_000 }));
        attempt += 1;
      }
    }
    this.#isPumping = false;
  }

  #begin(attachment: Attachment): void {
    this.#attachment = attachment;
    this.#unacked.clear();
    this.#cursor = 0;
    void this.look();
  }

  /** The store may have lost items: owns the mailbox in its new epoch, which the next delivery tells the device. */
  async #claim(held: Attachment): Promise<void> {
    const claimed = await this.#ports.mailboxes.claim(held);
    if (this.#attachment !== held) return; // It attached, or was superseded, meanwhile.
    if (claimed === undefined) this.supersede(Number.POSITIVE_INFINITY);
    else this.#begin(claimed);
  }

  #hasRoom(): boolean {
    return this.#attachment !== undefined && this.#unacked.size < LIMITS.unackedItems;
  }

  async #deliverPage(): Promise<void> {
    const { mailboxes, socket, onDelivered } = this.#ports;
    const { epoch, items } = await mailboxes.read(this.mailbox, this.#cursor);
    const attachment = this.#attachment;
    if (attachment === undefined) return;
    if (epoch !== attachment.epoch) return this.#claim(attachment);
    let delivered = 0;
    for (const { seq, body } of items) {
      if (!this.#hasRoom() || socket.send(encodeDelivery(epoch, seq, body)) === 'full') break;
      this.#cursor = seq;
      this.#unacked.add(seq);
      delivered += 1;
    }
    onDelivered(delivered);
    if (items.length > 0) this.#isAnnounced = true;
    if (socket.bufferedBytes() > REPLAY_QUEUE_BYTES) await socket.drained();
  }
}

/** As in recovery.ts: delivery pauses while more than this is queued for the peer. */
const REPLAY_QUEUE_BYTES = 256 * 1024;
