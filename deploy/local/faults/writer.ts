import { randomId } from '../../../shared/bytes.ts';
import type { AnswerFrame, Tag } from '../../../shared/frame.ts';
import type { Position } from '../../../shared/position.ts';
import { createPerson, type Gate } from './gate.ts';
import type { History } from './history.ts';
import type { Chance } from './random.ts';
import { openWire, pause, type Wire } from './wire.ts';

export interface WriterOptions {
  readonly gate: Gate;
  readonly history: History;
  readonly chance: Chance;
  readonly channels: readonly Tag[];
  readonly mailboxes: readonly Tag[];
}

/** Between two things that it does. */
const THINKS_MS = [5, 60] as const;
const DATA = 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';

/**
 * Publishes on condition and puts items into mailboxes, frame by frame; repeats whatever was left unknown under the same
 * id until it is known. Several of them race for the same positions.
 */
export class Writer {
  readonly #options: WriterOptions;
  readonly #person = createPerson();
  readonly #commits = new Map<Tag, Position>();
  #wire: Wire | undefined;
  #isDone = false;
  #isStopped = false;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** Works until `finish`, and resolves when nothing it began is unknown. */
  async run(): Promise<void> {
    const { chance, channels, mailboxes } = this.#options;
    while (!this.#isDone) {
      if (chance.once(2)) await this.#commit(chance.pick(channels));
      else await this.post(chance.pick(mailboxes));
      await pause(chance.between(...THINKS_MS));
    }
  }

  finish(): void {
    this.#isDone = true;
  }

  stop(): void {
    this.#isDone = true;
    this.#isStopped = true;
    this.#wire?.destroy();
  }

  /** Publishes without condition; resolves to the position, or to undefined once stopped. */
  async publish(channel: Tag): Promise<Position | undefined> {
    return this.#publish(channel, undefined);
  }

  /** Puts one item into a mailbox; resolves to its id when it was queued. */
  async post(mailbox: Tag): Promise<string | undefined> {
    const { history, gate } = this.#options;
    const id = randomId();
    history.add({ kind: 'posting', mailbox, id });
    const answer = await this.#untilKnown(async (wire) => {
      const grants = await gate.mailboxGrants(this.#person, [mailbox]);
      return wire.request({ type: 'send', grants, items: [{ mailbox, id, data: DATA }] });
    });
    const [item] = answer?.type === 'ok' && 'items' in answer ? answer.items : [];
    if (item === undefined || 'code' in item) return undefined;
    history.add({ kind: 'posted', mailbox, id });
    return id;
  }

  async #commit(channel: Tag): Promise<void> {
    const ifCommit = this.#commits.get(channel) ?? { epoch: 'AAAAAAAA', offset: 0 };
    const position = await this.#publish(channel, ifCommit);
    if (position !== undefined) this.#commits.set(channel, position);
  }

  async #publish(channel: Tag, ifCommit: Position | undefined): Promise<Position | undefined> {
    const { history, gate } = this.#options;
    const id = randomId();
    history.add({ kind: 'offered', channel, id });
    const command = { type: 'publish', channel, id, data: DATA } as const;
    const answer = await this.#untilKnown(async (wire) => {
      const refreshed = await this.#bringGrants(wire, () => gate.grants(this.#person, [channel]));
      if (refreshed?.type !== 'ok') return refreshed;
      return wire.request(ifCommit === undefined ? command : { ...command, ifCommit });
    });
    if (answer?.type === 'failed' && answer.code === 'conflict' && answer.position !== undefined)
      this.#commits.set(channel, answer.position);
    if (answer?.type !== 'ok' || !('position' in answer)) return undefined;
    history.add({ kind: 'accepted', channel, id, position: answer.position, ifCommit });
    return answer.position;
  }

  async #bringGrants(wire: Wire, grants: () => Promise<string>): Promise<AnswerFrame | undefined> {
    const ticket = await this.#options.gate.ticket(this.#person);
    return wire.request({ type: 'refresh', ticket, grants: await grants() });
  }

  /** Asks until an answer says what became of it, on as many connections as that takes. */
  async #untilKnown(ask: (wire: Wire) => Promise<AnswerFrame | undefined>): Promise<AnswerFrame | undefined> {
    while (!this.#isStopped) {
      const wire = await this.#connected();
      const answer = wire === undefined ? undefined : await ask(wire);
      if (answer !== undefined && !isUnknown(answer)) return answer;
      await pause(this.#options.chance.between(...THINKS_MS));
    }
    return undefined;
  }

  async #connected(): Promise<Wire | undefined> {
    if (this.#wire?.isOpen) return this.#wire;
    const { gate } = this.#options;
    this.#wire = await openWire({
      gate,
      person: this.#person,
      onFrame: () => undefined,
      isStopped: () => this.#isStopped,
    });
    return this.#wire;
  }
}

/** `never` is final (`conflict`, a refused frame); a full mailbox takes nothing now, and that is known as well. */
function isUnknown(answer: AnswerFrame): boolean {
  if (answer.type === 'failed') return answer.retry !== 'never';
  if (answer.type !== 'ok' || !('items' in answer)) return false;
  return answer.items.some(
    (item) => 'code' in item && item.retry !== 'never' && item.code !== 'mailbox_full',
  );
}
