import { Failure } from '../../shared/failure.ts';
import type { Tag } from '../../shared/frame.ts';
import type { Position } from '../../shared/position.ts';
import type { Accepted, Broker, BrokerListener, LoggedPublication, Outgoing, Page } from '../ports.ts';

interface Stream {
  epoch: string;
  offset: number;
  log: LoggedPublication[];
  readonly seen: Map<string, Position>;
  commit: number;
}

/**
 * The Broker in memory, with faults on request. Announcements wait in `announcements` until `deliver()` hands them
 * over, so that a test decides how they interleave with replies.
 */
export class MemoryBroker implements Broker {
  isAway = false;
  isAnnouncing = true;
  pageSize = 256;
  reads = 0;
  readonly announcements: { readonly channel: Tag; readonly publication: LoggedPublication }[] = [];
  readonly #streams = new Map<Tag, Stream>();
  readonly #subscribed = new Set<Tag>();
  #listener: BrokerListener | undefined;
  #epochs = 0;

  listen(listener: BrokerListener): void {
    this.#listener = listener;
  }

  async publish({ channel, id, body, ifCommit }: Outgoing): Promise<Accepted> {
    this.#needPresent();
    const stream = this.#stream(channel);
    const before = stream.seen.get(id);
    if (before !== undefined) return { outcome: 'duplicate', position: before };
    const { epoch, commit } = stream;
    if (ifCommit !== undefined && (ifCommit.epoch !== epoch || ifCommit.offset !== commit))
      return { outcome: 'conflict', position: { epoch, offset: commit } };
    stream.offset += 1;
    if (ifCommit !== undefined) stream.commit = stream.offset;
    const publication = { position: { epoch: stream.epoch, offset: stream.offset }, body };
    stream.log.push(publication);
    stream.seen.set(id, publication.position);
    this.announcements.push({ channel, publication });
    if (this.isAnnouncing) this.deliver();
    return { outcome: 'accepted', position: publication.position };
  }

  async announce(channel: Tag, body: string): Promise<void> {
    this.#needPresent();
    if (this.#subscribed.has(channel)) this.#listener?.onEphemeral(channel, body);
  }

  async forget(channel: Tag): Promise<void> {
    this.#streams.delete(channel);
  }

  async read(channel: Tag, after: Position | undefined): Promise<Page> {
    this.reads += 1;
    this.#needPresent();
    const stream = this.#stream(channel);
    const head = { epoch: stream.epoch, offset: stream.offset };
    if (after === undefined) return { head, start: head, publications: [] };
    const isKnown = after.epoch === stream.epoch && after.offset <= stream.offset;
    const from = isKnown ? after.offset : 0;
    const first = stream.log[0]?.position.offset ?? stream.offset + 1;
    const start = { epoch: stream.epoch, offset: Math.max(from, first - 1) };
    const publications = stream.log
      .filter(({ position }) => position.offset > start.offset)
      .slice(0, this.pageSize);
    const page = { head, start, publications };
    if (!isKnown) return { ...page, gap: 'epoch' };
    return start.offset > from ? { ...page, gap: 'trimmed' } : page;
  }

  async subscribe(channel: Tag): Promise<void> {
    this.#needPresent();
    this.#subscribed.add(channel);
  }

  unsubscribe(channel: Tag): void {
    this.#subscribed.delete(channel);
  }

  isSubscribed(channel: Tag): boolean {
    return this.#subscribed.has(channel);
  }

  /** Hands over the announcements that wait, oldest first. */
  deliver(): void {
    for (const { channel, publication } of this.announcements.splice(0))
      if (this.#subscribed.has(channel)) this.#listener?.onPublication(channel, publication);
  }

  /** Forgets the oldest publications of a log. */
  trim(channel: Tag, count: number): void {
    this.#stream(channel).log.splice(0, count);
  }

  /** Begins a new epoch, as after a restart that may have lost data. */
  loseData(channel: Tag): void {
    this.#streams.delete(channel);
  }

  interrupt(): void {
    this.#listener?.onInterrupted();
  }

  #stream(channel: Tag): Stream {
    let stream = this.#streams.get(channel);
    if (stream === undefined) {
      this.#epochs += 1;
      stream = {
        epoch: `epoch-${String(this.#epochs).padStart(4, '0')}`,
        offset: 0,
        log: [],
        seen: new Map(),
        commit: 0,
      };
      this.#streams.set(channel, stream);
    }
    return stream;
  }

  #needPresent(): void {
    if (this.isAway) throw new Failure('unavailable');
  }
}
