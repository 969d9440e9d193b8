import type { GapFrame, PublicationFrame, ServerFrame, SubscribedFrame, Tag } from '../../../shared/frame.ts';
import { LIMITS } from '../../../shared/limits.ts';
import type { Position } from '../../../shared/position.ts';
import { createPerson, type Gate } from './gate.ts';
import type { History } from './history.ts';
import type { Chance } from './random.ts';
import { openWire, pause, type Wire } from './wire.ts';

export interface FollowerOptions {
  readonly name: string;
  readonly gate: Gate;
  readonly history: History;
  readonly chance: Chance;
  readonly channels: readonly Tag[];
}

/** Shortest and longest time on one connection, and away. */
const STAYS_MS = [300, 6_000] as const;
const AWAY_MS = [0, 600] as const;
const REWIND_MAX = 400;

interface Place {
  reader: string;
  position: Position | undefined;
}

/**
 * Reads every channel frame by frame, without the SDK's mercy: each publication must follow the one before. It leaves
 * often, resumes on whichever node takes it, and now and then begins again further back, as another reader.
 */
export class Follower {
  readonly #options: FollowerOptions;
  readonly #person = createPerson();
  readonly #places = new Map<Tag, Place>();
  readonly #done: Promise<void>;
  #wire: Wire | undefined;
  #lives = 0;
  #isRoaming = true;
  #isStopped = false;
  #isAway = false;

  private constructor(options: FollowerOptions) {
    this.#options = options;
    for (const channel of options.channels)
      this.#places.set(channel, { reader: `${options.name} ${channel}`, position: undefined });
    this.#done = this.#run();
  }

  /** Resolves when it reads all its channels. */
  static async start(options: FollowerOptions): Promise<Follower> {
    const follower = new Follower(options);
    while (options.channels.some((channel) => follower.positionIn(channel) === undefined)) await pause(10);
    return follower;
  }

  positionIn(channel: Tag): Position | undefined {
    return this.#places.get(channel)?.position;
  }

  /** Goes away, whatever else happens, until it is called back. */
  set isAway(isAway: boolean) {
    this.#isAway = isAway;
    if (isAway) this.#wire?.destroy();
  }

  /** Stays where it is from now on, unless it is thrown out. */
  settle(): void {
    this.#isRoaming = false;
    this.#isAway = false;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#wire?.destroy();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { gate, chance } = this.#options;
    while (!this.#isStopped) {
      if (this.#isRoaming) await pause(chance.between(...AWAY_MS));
      if (this.#isAway) continue;
      this.#wire = await openWire({
        gate,
        person: this.#person,
        onFrame: (frame, wire) => this.#receive(frame, wire),
        isStopped: () => this.#isStopped,
      });
      if (this.#wire !== undefined) await this.#stay(this.#wire);
    }
  }

  async #stay(wire: Wire): Promise<void> {
    const { chance } = this.#options;
    void this.#subscribe(wire);
    const leave = setTimeout(() => this.#isRoaming && wire.destroy(), chance.between(...STAYS_MS));
    await wire.ended;
    clearTimeout(leave);
  }

  async #subscribe(wire: Wire): Promise<void> {
    const { gate, channels, chance } = this.#options;
    if (this.#isRoaming && chance.once(4)) this.#rewind();
    const grants = await gate.grants(this.#person, channels);
    for (let i = 0; i < channels.length; i += LIMITS.channelsPerCall) {
      const items = channels.slice(i, i + LIMITS.channelsPerCall).map((channel) => {
        const position = this.positionIn(channel);
        return position === undefined ? { channel } : { channel, position };
      });
      const answer = await wire.request({ type: 'subscribe', grants, channels: items });
      if (answer?.type !== 'ok' || !('channels' in answer) || !this.#joined(answer)) return wire.destroy();
    }
  }

  /** Takes up a place further back, under another name: what it reads there it has read before. */
  #rewind(): void {
    const { history, channels, chance, name } = this.#options;
    this.#lives += 1;
    for (const channel of channels) {
      const place = this.#places.get(channel);
      if (place?.position === undefined) continue;
      const { epoch, offset } = place.position;
      history.add({ kind: 'left', reader: place.reader });
      place.reader = `${name}/${this.#lives} ${channel}`;
      this.#hold(channel, { epoch, offset: Math.max(0, offset - chance.between(0, REWIND_MAX)) });
    }
  }

  /** False when a channel was refused: with the connection, the try ends. */
  #joined({ channels }: SubscribedFrame): boolean {
    for (const verdict of channels) {
      if (!('position' in verdict)) return false;
      if (this.positionIn(verdict.channel) === undefined) this.#hold(verdict.channel, verdict.position);
    }
    return true;
  }

  #hold(channel: Tag, position: Position): void {
    const place = this.#places.get(channel);
    if (place === undefined) return;
    place.position = position;
    this.#options.history.add({ kind: 'held', reader: place.reader, channel, position });
  }

  #receive(frame: ServerFrame, wire: Wire): void {
    if (wire !== this.#wire && this.#wire?.isOpen) return;
    if (frame.type === 'publication') this.#read(frame);
    if (frame.type === 'gap') this.#skip(frame);
    if (frame.type === 'revoked') wire.destroy();
  }

  #read({ channel, id, epoch, offset }: PublicationFrame): void {
    const place = this.#places.get(channel);
    if (place === undefined) return;
    if (place.position === undefined) this.#hold(channel, { epoch, offset: offset - 1 });
    place.position = { epoch, offset };
    this.#options.history.add({ kind: 'read', reader: place.reader, channel, id, position: place.position });
  }

  #skip({ channel, position, reason }: GapFrame): void {
    const place = this.#places.get(channel);
    if (place === undefined) return;
    place.position = position;
    this.#options.history.add({ kind: 'gap', reader: place.reader, channel, position, reason });
  }
}
