import type { Tag } from '../../../shared/frame.ts';
import type { Findings } from './findings.ts';
import type { Happening, MailHappening } from './history.ts';
import { Epochs, type Shards } from './lives.ts';

export interface MailCounts {
  readonly posted: number;
  readonly delivered: number;
  readonly acked: number;
  /** Times a device was told, by another epoch, that items may be lost. */
  readonly lossesTold: number;
}

/**
 * The same for mailboxes: an item that was queued is delivered until it is acked, in order within one attachment; a retry
 * is queued once; and where an item never came, the device met another epoch after the item was sent.
 */
export function checkMail(happenings: readonly Happening[], shards: Shards, findings: Findings): MailCounts {
  const boxes = new Map<Tag, Box>();
  for (const [at, happening] of happenings.entries()) {
    if (!('mailbox' in happening)) continue;
    const box = boxes.get(happening.mailbox) ?? new Box(happening.mailbox, shards, findings);
    boxes.set(happening.mailbox, box);
    box.take(happening, at);
  }
  for (const box of boxes.values()) box.end();
  const sum = (of: (box: Box) => number) => [...boxes.values()].reduce((n, box) => n + of(box), 0);
  return {
    posted: sum((box) => box.posted.size),
    delivered: sum((box) => box.deliveries),
    acked: sum((box) => box.acked.size),
    lossesTold: sum((box) => box.lossesTold),
  };
}

class Box {
  readonly posted = new Set<string>();
  /** By which attachment. */
  readonly acked = new Map<string, number>();
  deliveries = 0;
  lossesTold = 0;
  readonly #tag: Tag;
  readonly #findings: Findings;
  readonly #epochs: Epochs;
  readonly #postingAt = new Map<string, number>();
  readonly #received = new Set<string>();
  readonly #seqOf = new Map<string, number>();
  #epoch: string | undefined;
  /** Place of the last change of epoch; whatever was sent before may be gone. */
  #toldAt = -1;
  #last = { attachment: 0, epoch: '', seq: 0 };
  #isEmptied = false;
  #newest = { attachment: 0, epoch: '', at: -1 };

  constructor(tag: Tag, shards: Shards, findings: Findings) {
    this.#tag = tag;
    this.#findings = findings;
    this.#epochs = new Epochs(shards.livesOf(tag));
  }

  take(happening: MailHappening, at: number): void {
    switch (happening.kind) {
      case 'posting':
        if (!this.#postingAt.has(happening.id)) this.#postingAt.set(happening.id, at);
        return;
      case 'posted':
        this.posted.add(happening.id);
        return;
      case 'attached':
        if (happening.attachment > this.#newest.attachment)
          this.#newest = { attachment: happening.attachment, epoch: happening.epoch, at };
        return this.#meet(happening.epoch, { askedAt: happening.askedAt, at });
      case 'delivered':
        return this.#deliver(happening, at);
      case 'acked':
        return this.#ack(happening);
      case 'detached':
        if (happening.attachment === happening.newest)
          this.#findings.add('lost', `mailbox ${this.#tag} was taken from its newest attachment`);
        return;
      case 'emptied':
        this.#isEmptied = true;
    }
  }

  end(): void {
    if (!this.#isEmptied) this.#findings.add('lost', `mailbox ${this.#tag} was never emptied`);
    for (const id of this.posted) {
      const isExcused = (this.#postingAt.get(id) ?? 0) < this.#toldAt;
      if (!this.#received.has(id) && !isExcused)
        this.#findings.add('lost', `item ${id} never reached mailbox ${this.#tag}`);
    }
    const { surplus } = this.#epochs;
    if (surplus > 0)
      this.#findings.add('gapsUnneeded', `mailbox ${this.#tag} had ${surplus} epochs too many`, surplus);
  }

  #meet(epoch: string, when: { askedAt: number; at: number }): void {
    this.#epochs.see(epoch, when, this.#findings);
    if (epoch === this.#epoch) return;
    if (this.#epoch !== undefined) {
      this.lossesTold += 1;
      this.#toldAt = when.at;
    }
    this.#epoch = epoch;
  }

  #ack({ attachment, epoch, seq, askedAt }: Extract<MailHappening, { kind: 'acked' }>): void {
    const item = `${epoch} ${seq}`;
    if (!this.acked.has(item)) this.acked.set(item, attachment);
    const newest = this.#newest;
    const isOlder = attachment < newest.attachment && epoch === newest.epoch && askedAt > newest.at;
    if (isOlder)
      this.#findings.add(
        'lost',
        `item ${epoch} ${seq} of mailbox ${this.#tag} was deleted by an older connection`,
      );
  }

  #deliver(item: Extract<MailHappening, { kind: 'delivered' }>, at: number): void {
    const { attachment, epoch, seq, id } = item;
    this.deliveries += 1;
    this.#received.add(id);
    this.#meet(epoch, { askedAt: 0, at });
    const isSame = this.#last.attachment === attachment && this.#last.epoch === epoch;
    if (isSame && seq === this.#last.seq) this.#add('duplicated', item, 'came twice in one attachment');
    if (isSame && seq < this.#last.seq) this.#add('reordered', item, `came after ${this.#last.seq}`);
    this.#last = { attachment, epoch, seq };
    // What an older connection brings may have been on its way for long: it was sent before the newer one took over.
    const ackedBy = this.acked.get(`${epoch} ${seq}`) ?? Number.POSITIVE_INFINITY;
    if (ackedBy <= attachment) this.#add('duplicated', item, 'came after its ack was confirmed');
    const name = `${epoch} ${id}`;
    const before = this.#seqOf.get(name) ?? seq;
    this.#seqOf.set(name, before);
    if (before !== seq) this.#add('duplicated', item, `is queued at ${before} as well`);
  }

  #add(
    count: 'duplicated' | 'reordered',
    { epoch, seq }: { epoch: string; seq: number },
    what: string,
  ): void {
    this.#findings.add(count, `item ${epoch} ${seq} of mailbox ${this.#tag} ${what}`);
  }
}
