/**
 * Who is here in one channel, as this node shows and sees it.
 *
 * It shows the members that are here on connections of its own, again and again, so that they vanish with the node. While
 * somebody watches it keeps a view of the whole channel: read when an announcement came, at most once a second, and when
 * the next member may have gone. What changed between two views is fanned out, so a lost announcement costs a delay only.
 */
import { encodeServerFrame } from '../shared/codec.ts';
import { Failure } from '../shared/failure.ts';
import type { PresenceFrame, Tag } from '../shared/frame.ts';
import { errorFields, type Log } from '../shared/log.ts';
import type { Attendance, FanOut, Presences } from './ports.ts';

export interface RosterPorts {
  readonly presences: Presences;
  readonly fanOut: FanOut;
  readonly log: Log;
  readonly setTimer: (run: () => void, ms: number) => () => void;
}

/** Share of its life after which a show is repeated, so that one may be lost: 25 s of 60. */
const SHOW_AGAIN_AT = 5 / 12;
/** A channel where many come and go is read, and told of, this often at most. */
const READ_INTERVAL_MS = 1_000;
/** A member that is shown on time never gets so close to its end; read all the same, announcements may be lost. */
const READ_AT_LATEST_MS = 30_000;

export class Roster {
  readonly channel: Tag;
  /** Name of the node-local fan-out of its changes. */
  readonly topic: string;
  readonly #ports: RosterPorts;
  /** How many connections of this node show a member. */
  readonly #shown = new Map<Tag, number>();
  readonly #announcements: Promise<void>;
  #watchers = 0;
  #view: Attendance | undefined;
  #reading: Promise<void> | undefined;
  #isPausing = false;
  #isReadAgain = false;
  #isClosed = false;
  #cancelRead: () => void = () => undefined;
  #cancelShow: () => void;

  constructor(channel: Tag, ports: RosterPorts) {
    this.channel = channel;
    this.topic = `presence:${channel}`;
    this.#ports = ports;
    this.#announcements = ports.presences.watch(channel);
    this.#announcements.catch(() => undefined); // Whoever needs them awaits the promise itself.
    this.#cancelShow = this.#showLater();
  }

  /** Shows a member for one connection; needs one `hide`, also when it throws `unavailable` or `too_many_requests`. */
  async show(member: Tag): Promise<void> {
    this.#shown.set(member, (this.#shown.get(member) ?? 0) + 1);
    await this.#announcements;
    const refused = await this.#ports.presences.show(this.channel, [member]);
    if (refused.length > 0) throw new Failure('too_many_requests', { detail: 'Too many are present' });
  }

  /** One connection shows the member no more; the last one of this node lets it go. */
  hide(member: Tag): void {
    const connections = (this.#shown.get(member) ?? 1) - 1;
    if (connections > 0) return void this.#shown.set(member, connections);
    this.#shown.delete(member);
    this.#ports.presences.leave(this.channel, member).catch((error: unknown) => this.#warn(error));
  }

  /** Keeps a view for one connection more; needs one `unwatch`. */
  watch(): void {
    this.#watchers += 1;
  }

  /** Resolves when there is a view; throws `unavailable`. */
  async ready(): Promise<void> {
    await this.#announcements;
    if (this.#view === undefined) await this.#read();
  }

  unwatch(): void {
    this.#watchers -= 1;
    if (this.#watchers > 0) return;
    this.#cancelRead();
    this.#isPausing = false;
    this.#view = undefined;
  }

  /** The whole view, for one that begins to watch; to be sent in the tick in which the connection joins `topic`. */
  get frame(): PresenceFrame {
    const { count, members } = this.#view ?? { count: 0, members: [] };
    return { type: 'presence', channel: this.channel, count, ...(members === undefined ? {} : { members }) };
  }

  /** Somebody came. */
  onShown(): void {
    if (this.#view !== undefined) this.#readSoon();
  }

  /** A member left another node, or this one; one that is still here says so. */
  onLeaving(member: Tag): void {
    if (this.#shown.has(member)) this.#show([member]);
    this.onShown();
  }

  onInterrupted(): void {
    this.#show([...this.#shown.keys()]);
    this.onShown();
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelRead();
    this.#cancelShow();
    this.#ports.presences.unwatch(this.channel);
  }

  #show(members: readonly Tag[]): void {
    if (members.length === 0) return;
    this.#ports.presences.show(this.channel, members).catch((error: unknown) => this.#warn(error));
  }

  #showLater(): () => void {
    return this.#ports.setTimer(() => {
      this.#show([...this.#shown.keys()]);
      this.#cancelShow = this.#showLater();
    }, this.#ports.presences.lifeMs * SHOW_AGAIN_AT);
  }

  /** At most one read runs, and one more waits for the end of the pause that follows it. */
  #readSoon(): void {
    this.#isReadAgain = true;
    if (this.#reading === undefined && !this.#isPausing) this.#readOrWarn();
  }

  #read(): Promise<void> {
    this.#isReadAgain = false;
    this.#reading ??= this.#ports.presences
      .read(this.channel)
      .then((next) => this.#take(next))
      .finally(() => {
        this.#reading = undefined;
        this.#pause();
      });
    return this.#reading;
  }

  #pause(): void {
    this.#cancelRead();
    if (this.#isClosed || this.#watchers === 0) return;
    this.#isPausing = true;
    this.#cancelRead = this.#ports.setTimer(() => this.#wake(), READ_INTERVAL_MS);
  }

  /** Reads again when that was asked for, else when the next member may have gone. */
  #wake(): void {
    this.#isPausing = false;
    if (this.#isReadAgain) return this.#readOrWarn();
    const dueMs = Math.min(this.#view?.nextMs ?? READ_AT_LATEST_MS, READ_AT_LATEST_MS) - READ_INTERVAL_MS;
    this.#cancelRead = this.#ports.setTimer(() => this.#readOrWarn(), Math.max(0, dueMs) + 1);
  }

  #readOrWarn(): void {
    this.#read().catch((error: unknown) => this.#warn(error));
  }

  #take(next: Attendance): void {
    if (this.#isClosed || this.#watchers === 0) return;
    const before = this.#view;
    this.#view = next;
    const change = before && changeOf(before, next);
    if (change === undefined) return;
    const frame: PresenceFrame = { type: 'presence', channel: this.channel, count: next.count, ...change };
    this.#ports.fanOut(this.topic, encodeServerFrame(frame));
  }

  #warn(error: unknown): void {
    this.#ports.log('warn', 'presence.failed', { channel: this.channel, ...errorFields(error) });
  }
}

/** What to tell of a new view: who came and left, everybody when names come back, only the count without names. */
function changeOf(before: Attendance, next: Attendance): Partial<PresenceFrame> | undefined {
  if (next.members === undefined)
    return before.members === undefined && before.count === next.count ? undefined : {};
  if (before.members === undefined) return { members: next.members };
  const [was, is] = [new Set(before.members), new Set(next.members)];
  const joined = next.members.filter((member) => !was.has(member));
  const left = before.members.filter((member) => !is.has(member));
  return joined.length + left.length === 0 ? undefined : { joined, left };
}
