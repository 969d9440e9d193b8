/**
 * Holds a recorded history against what is promised (shared/protocol.md, section 15): each reader has every publication
 * behind the place where it began, once and in the one order of its channel, or was told `gap` where it has not; a gap is
 * told only where the store began a new life or the log's limit was passed; a retry keeps its position; and of racing
 * conditional publications one wins. It knows nothing of how the history came about.
 */
import type { Tag } from '../../../shared/frame.ts';
import type { Position } from '../../../shared/position.ts';
import { type FaultCount, Findings } from './findings.ts';
import type { Accepted, Gap, Happening, Held, Read } from './history.ts';
import { Epochs, type ShardOf, Shards } from './lives.ts';
import { checkMail, type MailCounts } from './mail-checker.ts';

export interface Verdict extends Readonly<Record<FaultCount, number>> {
  readonly accepted: number;
  readonly deliveries: number;
  readonly gapsTold: number;
  readonly conditionalWinners: number;
  readonly mail: MailCounts;
  readonly isClean: boolean;
  /** What was wrong, the first of it in words. */
  readonly sentences: readonly string[];
}

/** A log keeps at least so many of its newest publications: 1,000, less the 32 by which it is trimmed at a time. */
const LOG_KEEPS = 968;

/** Judges a whole history; everybody must be quiet and back, and each channel's `end` recorded. */
export function check(happenings: readonly Happening[], shardOf: ShardOf = () => 0): Verdict {
  const findings = new Findings();
  const shards = new Shards(happenings, shardOf);
  const channels = new Map<Tag, Channel>();
  const channelOf = (tag: Tag): Channel => {
    const channel = channels.get(tag) ?? new Channel(tag, shards, findings);
    channels.set(tag, channel);
    return channel;
  };
  // Which id stands where is learned first: a reader may be ahead of the answer to the publisher.
  for (const [at, happening] of happenings.entries())
    if ('channel' in happening) channelOf(happening.channel).learn(happening, at);
  const readers = new Map<string, Reader>();
  let gapsTold = 0;
  let deliveries = 0;
  for (const happening of happenings) {
    if (happening.kind === 'held')
      readers.set(happening.reader, new Reader(happening, channelOf(happening.channel), findings));
    if (happening.kind === 'left') readers.delete(happening.reader);
    if (happening.kind === 'read') readers.get(happening.reader)?.read(happening);
    if (happening.kind === 'gap') readers.get(happening.reader)?.skip(happening);
    gapsTold += Number(happening.kind === 'gap');
    deliveries += Number(happening.kind === 'read');
  }
  for (const reader of readers.values()) reader.end();
  for (const channel of channels.values()) channel.end();
  const mail = checkMail(happenings, shards, findings);
  const sum = (of: (channel: Channel) => number) => [...channels.values()].reduce((n, one) => n + of(one), 0);
  return {
    accepted: sum((channel) => channel.accepted),
    deliveries,
    gapsTold,
    conditionalWinners: sum((channel) => channel.winners),
    mail,
    ...findings.counts,
    isClean: findings.isClean,
    sentences: findings.sentences,
  };
}

/** What is known of one log, put together from everybody who saw a part of it. */
class Channel {
  readonly tag: Tag;
  endsAt: Position | undefined;
  readonly #findings: Findings;
  readonly #epochs: Epochs;
  readonly #idAt = new Map<string, string>();
  readonly #offsetOf = new Map<string, number>();
  readonly #heads = new Map<string, number>();
  readonly #offeredAt = new Map<string, number>();
  readonly #accepted = new Set<string>();
  readonly #winnerAfter = new Map<string, string>();

  constructor(tag: Tag, shards: Shards, findings: Findings) {
    this.tag = tag;
    this.#findings = findings;
    this.#epochs = new Epochs(shards.livesOf(tag));
  }

  get accepted(): number {
    return this.#accepted.size;
  }

  get winners(): number {
    return this.#winnerAfter.size;
  }

  learn(happening: Extract<Happening, { channel: Tag }>, at: number): void {
    if (happening.kind === 'offered') {
      if (!this.#offeredAt.has(happening.id)) this.#offeredAt.set(happening.id, at);
      return;
    }
    const { position } = happening;
    if (happening.kind === 'end') this.endsAt = position;
    if (happening.kind === 'accepted') this.#accept(happening, at);
    // What was held or read may have been on its way for long; only an answer tells when it was asked for.
    else this.#epochs.see(position.epoch, { askedAt: 0, at }, this.#findings);
    if (happening.kind === 'accepted' || happening.kind === 'read') this.#place(happening.id, position);
    this.#heads.set(position.epoch, Math.max(position.offset, this.headOf(position.epoch)));
  }

  /** Highest offset that anybody saw in this epoch. */
  headOf(epoch: string): number {
    return this.#heads.get(epoch) ?? 0;
  }

  idAt({ epoch, offset }: Position): string | undefined {
    return this.#idAt.get(`${epoch} ${offset}`);
  }

  end(): void {
    const { surplus } = this.#epochs;
    if (surplus > 0)
      this.#findings.add(
        'gapsUnneeded',
        `${this.tag} had ${surplus} epochs more than the store lives`,
        surplus,
      );
  }

  #accept({ id, position, ifCommit }: Accepted, at: number): void {
    const askedAt = this.#offeredAt.get(id) ?? 0;
    this.#epochs.see(position.epoch, { askedAt, at }, this.#findings);
    this.#accepted.add(id);
    if (ifCommit === undefined || ifCommit.epoch !== position.epoch) return;
    const after = `${ifCommit.epoch} ${ifCommit.offset}`;
    const winner = this.#winnerAfter.get(after) ?? id;
    this.#winnerAfter.set(after, winner);
    if (winner !== id)
      this.#findings.add('doubleWinners', `${winner} and ${id} both won after ${after} in ${this.tag}`);
  }

  #place(id: string, { epoch, offset }: Position): void {
    const place = `${epoch} ${offset}`;
    if (this.#idAt.get(place) === id) return;
    const there = this.#idAt.get(place) ?? id;
    this.#idAt.set(place, there);
    if (there !== id)
      this.#findings.add('reordered', `${there} and ${id} both stand at ${place} in ${this.tag}`);
    const name = `${epoch} ${id}`;
    const before = this.#offsetOf.get(name) ?? offset;
    this.#offsetOf.set(name, before);
    if (before !== offset)
      this.#findings.add(
        'duplicated',
        `${id} stands at ${before} and at ${offset} of ${epoch} in ${this.tag}`,
      );
  }
}

/** One reader of one channel, followed from where it began. */
class Reader {
  readonly #name: string;
  readonly #channel: Channel;
  readonly #findings: Findings;
  readonly #isDropping: boolean;
  readonly #ids = new Set<string>();
  readonly #epochsLeft = new Set<string>();
  #at: Position;

  constructor({ reader, position, isDropping }: Held, channel: Channel, findings: Findings) {
    this.#name = `${reader} in ${channel.tag}`;
    this.#at = position;
    this.#channel = channel;
    this.#findings = findings;
    this.#isDropping = isDropping === true;
  }

  read({ id, position }: Read): void {
    const { epoch, offset } = position;
    if (epoch === this.#at.epoch && offset <= this.#at.offset) {
      const count = this.#ids.has(id) ? 'duplicated' : 'reordered';
      this.#findings.add(count, `${this.#name} read ${show(position)} at ${show(this.#at)}`);
      return;
    }
    this.#missUpTo({ epoch, offset: offset - 1 });
    this.#at = position;
    if (this.#isDropping && this.#ids.has(id))
      this.#findings.add('duplicated', `${this.#name} read ${id} again at ${show(position)}`);
    this.#ids.add(id);
  }

  skip({ position, reason }: Gap): void {
    if (!this.#isNeeded(position, reason))
      this.#findings.add(
        'gapsUnneeded',
        `${this.#name} was told ${reason} from ${show(this.#at)} to ${show(position)}`,
      );
    this.#epochsLeft.add(this.#at.epoch);
    this.#at = position;
  }

  end(): void {
    const { endsAt } = this.#channel;
    if (endsAt === undefined) this.#findings.add('lost', `${this.#channel.tag} has no end`);
    else this.#missUpTo(endsAt);
  }

  #isNeeded(position: Position, reason: Gap['reason']): boolean {
    const { epoch, offset } = position;
    // What lies before the first publication that is left was trimmed, so the rest of a full log must be behind it.
    const isTrimmed = this.#channel.headOf(epoch) >= offset + LOG_KEEPS;
    if (reason === 'trimmed') return epoch === this.#at.epoch && offset > this.#at.offset && isTrimmed;
    return epoch !== this.#at.epoch && !this.#epochsLeft.has(epoch) && (offset === 0 || isTrimmed);
  }

  /** Counts what lies between here and `upTo`, except what a dropping reader had read before. */
  #missUpTo(upTo: Position): void {
    const missed =
      upTo.epoch === this.#at.epoch ? this.#missing(this.#at, upTo.offset) : this.#missingOverEpochs(upTo);
    if (missed.length === 0) return;
    const [first] = missed;
    this.#findings.add(
      'lost',
      `${this.#name} never read ${first} and went on to ${show(upTo)}`,
      missed.length,
    );
  }

  /** Another epoch and no gap: the end of the old one was skipped, at least nobody told that it was not. */
  #missingOverEpochs({ epoch, offset }: Position): string[] {
    const rest = this.#missing(this.#at, this.#channel.headOf(this.#at.epoch));
    return [...rest, `the gap to ${epoch}`, ...this.#missing({ epoch, offset: 0 }, offset)];
  }

  #missing({ epoch, offset: from }: Position, upTo: number): string[] {
    const places: string[] = [];
    for (let offset = from + 1; offset <= upTo; offset += 1) {
      const id = this.#channel.idAt({ epoch, offset });
      const isDropped = this.#isDropping && id !== undefined && this.#ids.has(id);
      if (!isDropped) places.push(show({ epoch, offset }));
    }
    return places;
  }
}

function show({ epoch, offset }: Position): string {
  return `${epoch} ${offset}`;
}
