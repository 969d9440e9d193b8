import type { AnswerFrame, DeliveryFrame, SeqRange, ServerFrame } from '../../../shared/frame.ts';
import { LIMITS } from '../../../shared/limits.ts';
import type { Gate, Person } from './gate.ts';
import type { History } from './history.ts';
import type { Chance } from './random.ts';
import { openWire, pause, type Wire } from './wire.ts';

export interface RecipientOptions {
  readonly gate: Gate;
  readonly history: History;
  readonly chance: Chance;
  readonly person: Person;
}

/** Between two acks, and the time on one connection. */
const ACK_EVERY_MS = [10, 250] as const;
const STAYS_MS = [300, 5_000] as const;

interface Inbox {
  attachment: number;
  readonly unacked: Unacked[];
}

interface Unacked {
  readonly epoch: string;
  readonly seq: number;
  readonly id: string;
}

/**
 * One device that receives its mailbox: attaches, acks some of what came, one by one or in ranges, leaves before its acks
 * are confirmed, and comes back, now and then while its old connection lives.
 */
export class Recipient {
  readonly #options: RecipientOptions;
  readonly #ackedIds = new Set<string>();
  readonly #done: Promise<void>;
  readonly #wires = new Set<Wire>();
  #attachment = 0;
  /** What an older connection holds that lives on. */
  #left: { readonly wire: Wire; readonly inbox: Inbox } | undefined;
  #epoch: string | undefined;
  #isRoaming = true;
  #isStopped = false;

  constructor(options: RecipientOptions) {
    this.#options = options;
    this.#done = this.#run();
  }

  /** The epoch it met last; undefined before its first attachment. */
  get epoch(): string | undefined {
    return this.#epoch;
  }

  /** Stays, and acks everything at once. */
  settle(): void {
    this.#isRoaming = false;
  }

  /** Resolves when this item was acked, and with it everything before; it records that the mailbox is empty. */
  async untilAcked(id: string): Promise<void> {
    while (!this.#ackedIds.has(id) && !this.#isStopped) await pause(10);
    if (this.#ackedIds.has(id))
      this.#options.history.add({ kind: 'emptied', mailbox: this.#options.person.mailbox });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const wire of this.#wires) wire.destroy();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { gate, person, chance } = this.#options;
    while (!this.#isStopped) {
      const inbox: Inbox = { attachment: 0, unacked: [] };
      const wire = await openWire({
        gate,
        person,
        onFrame: (frame) => this.#receive(frame, inbox),
        isStopped: () => this.#isStopped,
      });
      if (wire === undefined) return;
      this.#wires.add(wire);
      void wire.ended.then(() => this.#wires.delete(wire));
      const isLost = await this.#stay(wire, inbox);
      // A connection that is left open learns from the node that a newer one took over.
      if (isLost || chance.once(2)) wire.destroy();
      else this.#left = { wire, inbox };
    }
    for (const wire of this.#wires) wire.destroy();
  }

  /** Resolves, when it is time to go, to whether the connection is over. */
  async #stay(wire: Wire, inbox: Inbox): Promise<boolean> {
    const { chance } = this.#options;
    const untilMs = performance.now() + chance.between(...STAYS_MS);
    if (!(await this.#attach(wire, inbox))) return true;
    while (wire.isOpen && !this.#isStopped) {
      await pause(this.#isRoaming ? chance.between(...ACK_EVERY_MS) : 10);
      // The older one does not know yet that it is, or does not believe it: its acks must delete nothing.
      if (this.#left?.wire.isOpen) void this.#ackSome(this.#left.wire, this.#left.inbox);
      if (!(await this.#ackSome(wire, inbox))) return true;
      if (this.#isRoaming && performance.now() > untilMs) return chance.once(2);
    }
    return true;
  }

  async #attach(wire: Wire, inbox: Inbox): Promise<boolean> {
    const { history, person } = this.#options;
    this.#attachment += 1;
    inbox.attachment = this.#attachment;
    const askedAt = history.length;
    const answer = await wire.request({ type: 'attach' });
    if (answer?.type !== 'ok' || !('epoch' in answer)) return false;
    const { attachment } = inbox;
    history.add({ kind: 'attached', mailbox: person.mailbox, attachment, epoch: answer.epoch, askedAt });
    this.#epoch = answer.epoch;
    return true;
  }

  #receive(frame: ServerFrame, { attachment, unacked }: Inbox): void {
    if (frame.type === 'detached') this.#detached(attachment, unacked);
    if (frame.type !== 'delivery') return;
    this.#deliver(frame, attachment);
    const { epoch, seq, id } = frame;
    if (unacked.length > 0 && unacked[0]?.epoch !== epoch) unacked.length = 0;
    unacked.push({ epoch, seq, id });
  }

  #detached(attachment: number, unacked: Unacked[]): void {
    const { history, person } = this.#options;
    unacked.length = 0;
    history.add({ kind: 'detached', mailbox: person.mailbox, attachment, newest: this.#attachment });
  }

  #deliver({ epoch, seq, id }: DeliveryFrame, attachment: number): void {
    const { history, person } = this.#options;
    history.add({ kind: 'delivered', mailbox: person.mailbox, attachment, epoch, seq, id });
    this.#epoch = epoch;
  }

  /** False when the connection is over. One that was refused goes on: what is unacked comes again, in a new epoch. */
  async #ackSome(wire: Wire, inbox: Inbox): Promise<boolean> {
    const { chance, history } = this.#options;
    const { unacked } = inbox;
    if (unacked.length === 0) return true;
    const count = this.#isRoaming ? chance.between(1, unacked.length) : unacked.length;
    const some = unacked.slice(0, Math.min(count, LIMITS.itemsPerCall));
    const askedAt = history.length;
    const answer = await wire.request({ type: 'ack', ranges: rangesOf(some, chance) });
    if (answer === undefined) return false;
    if (answer.type === 'ok') this.#acked(some, inbox, askedAt);
    else if (isSuperseded(answer)) unacked.length = 0;
    return true;
  }

  #acked(some: readonly Unacked[], { attachment, unacked }: Inbox, askedAt: number): void {
    const { history, person } = this.#options;
    for (const { epoch, seq, id } of some) {
      history.add({ kind: 'acked', mailbox: person.mailbox, attachment, epoch, seq, askedAt });
      this.#ackedIds.add(id);
    }
    const gone = new Set(some);
    unacked.splice(0, unacked.length, ...unacked.filter((one) => !gone.has(one)));
  }
}

/** Each item by itself, or those that follow each other as one range: both must delete the same. */
function rangesOf(items: readonly Unacked[], chance: Chance): SeqRange[] {
  if (chance.once(2)) return items.map(({ seq }) => [seq, seq]);
  const ranges: [number, number][] = [];
  for (const { seq } of items) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === seq - 1) last[1] = seq;
    else ranges.push([seq, seq]);
  }
  return ranges;
}

function isSuperseded(answer: AnswerFrame): boolean {
  return answer.type === 'failed' && answer.code === 'superseded';
}
