import { randomId } from '../../../shared/bytes.ts';
import type { Tag } from '../../../shared/frame.ts';
import type { Position } from '../../../shared/position.ts';
import { Follower } from './follower.ts';
import { createPerson, type Gate, type Person } from './gate.ts';
import type { History } from './history.ts';
import type { Chance } from './random.ts';
import { Recipient } from './recipient.ts';
import { Talker } from './talker.ts';
import { pause } from './wire.ts';
import { Writer } from './writer.ts';

export interface CrewOptions {
  readonly clients: number;
  readonly gate: Gate;
  readonly history: History;
  readonly chance: Chance;
}

const CHANNELS = 4;
/** Publications of all talkers together. */
const PER_SECOND = 60;
/** More than a log holds, at the rate one connection may have. */
const FLOOD = 1_100;
const FLOOD_STEP = 60;

/** All the clients of one run. A third each speak the SDK's way, read frame by frame, and write or receive mail. */
export class Crew {
  readonly #options: CrewOptions;
  readonly #channels: readonly Tag[] = Array.from({ length: CHANNELS }, () => randomId());
  readonly #people: readonly Person[];
  #talkers: Talker[] = [];
  #followers: Follower[] = [];
  #recipients: Recipient[] = [];
  #writers: Writer[] = [];
  #working: Promise<unknown> = Promise.resolve();
  #hush: () => void = () => undefined;
  #flooding: Promise<void> | undefined;
  #awaited = '';
  #isStopped = false;

  constructor(options: CrewOptions) {
    this.#options = options;
    this.#people = Array.from({ length: this.#third }, createPerson);
  }

  get #third(): number {
    return Math.max(2, Math.floor(this.#options.clients / 4));
  }

  /** Resolves when everybody reads what it is to read; nothing was published before. */
  async gather(): Promise<void> {
    const { gate, history, chance } = this.#options;
    const channels = this.#channels;
    const numbers = Array.from({ length: this.#third }, (_, i) => i);
    this.#talkers = await Promise.all(
      numbers.map((i) => Talker.start({ name: `talker-${i}`, gate, history, channels })),
    );
    this.#followers = await Promise.all(
      numbers.map((i) => {
        const name = `follower-${i}`;
        return Follower.start({ name, gate, history, channels, chance: chance.fork(name) });
      }),
    );
    this.#recipients = this.#people.map(
      (person, i) => new Recipient({ person, gate, history, chance: chance.fork(`recipient-${i}`) }),
    );
    const mailboxes = this.#people.map(({ mailbox }) => mailbox);
    this.#writers = numbers.map(
      (i) => new Writer({ gate, history, channels, mailboxes, chance: chance.fork(`writer-${i}`) }),
    );
  }

  /** Everybody does what is theirs until `settle`. */
  work(): void {
    this.#working = Promise.all(this.#writers.map((writer) => writer.run()));
    const chance = this.#options.chance.fork('talk');
    const timer = setInterval(() => {
      chance.pick(this.#talkers).publish(chance.pick(this.#channels), chance.between(16, 400));
    }, 1_000 / PER_SECOND);
    this.#hush = () => clearInterval(timer);
  }

  /** While one follower is away, more is published than a log holds. */
  async flood(): Promise<void> {
    this.#flooding ??= this.#flood().finally(() => {
      this.#flooding = undefined;
    });
    return this.#flooding;
  }

  /** Everything that was begun is finished and everybody stands at the end; false when that took too long. */
  async settle(patienceMs: number): Promise<boolean> {
    this.#hush();
    for (const writer of this.#writers) writer.finish();
    for (const one of [...this.#followers, ...this.#recipients]) one.settle();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), patienceMs);
    });
    const isDone = await Promise.race([this.#finish(), late]);
    clearTimeout(timer);
    return isDone;
  }

  /** What `settle` waited for last. */
  get awaited(): string {
    return this.#awaited;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#hush();
    for (const one of this.#writers) one.stop();
    for (const talker of this.#talkers) talker.close();
    await Promise.all([...this.#followers, ...this.#recipients].map((one) => one.stop()));
    await this.#working;
  }

  async #finish(): Promise<true> {
    const { history } = this.#options;
    this.#awaited = 'answers to writers';
    await Promise.all([this.#working, this.#flooding]);
    this.#awaited = 'answers to talkers';
    await this.#until(() => this.#talkers.every(({ unanswered }) => unanswered === 0));
    const [writer] = this.#writers;
    if (writer === undefined) return true;
    for (const [i, { mailbox }] of this.#people.entries()) {
      this.#awaited = `the last item of mailbox ${mailbox}`;
      const last = await this.#lastItem(writer, mailbox);
      await this.#recipients[i]?.untilAcked(last);
    }
    for (const channel of this.#channels) {
      this.#awaited = `the readers of ${channel}`;
      const position = await writer.publish(channel);
      if (position === undefined) continue;
      history.add({ kind: 'end', channel, position });
      await this.#until(() => this.#everybodyIsAt(channel, position));
    }
    return true;
  }

  /** A full mailbox takes the last item as soon as its device has acked something. */
  async #lastItem(writer: Writer, mailbox: Tag): Promise<string> {
    let id: string | undefined;
    while (id === undefined && !this.#isStopped) {
      id = await writer.post(mailbox);
      if (id === undefined) await pause(50);
    }
    return id ?? '';
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo() && !this.#isStopped) await pause(20);
  }

  #everybodyIsAt(channel: Tag, { epoch, offset }: Position): boolean {
    return [...this.#talkers, ...this.#followers].every((one) => {
      const at = one.positionIn(channel);
      return at?.epoch === epoch && at.offset >= offset;
    });
  }

  async #flood(): Promise<void> {
    const [follower] = this.#followers;
    const [channel] = this.#channels;
    if (follower === undefined || channel === undefined) return;
    follower.isAway = true;
    for (let sent = 0; sent < FLOOD; sent += FLOOD_STEP) {
      for (let i = 0; i < FLOOD_STEP; i += 1) this.#talkers[i % this.#talkers.length]?.publish(channel, 16);
      await pause((1_000 * FLOOD_STEP) / (80 * this.#talkers.length));
    }
    await this.#until(() => this.#talkers.every(({ unanswered }) => unanswered <= FLOOD_STEP));
    follower.isAway = false;
  }
}
