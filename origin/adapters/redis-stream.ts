/** Publishing to and reading from channel streams as script calls: what goes in, and what the replies mean. */
import type { GapReason, Tag } from '../../shared/frame.ts';
import type { Position } from '../../shared/position.ts';
import type { Accepted, BrokerListener, Outgoing, Page } from '../ports.ts';
import { partitionKey, partitionOf, relayKey } from './partitions.ts';
import { type Argument, type Call, loadScript, translate } from './redis-scripts.ts';

/** Messages in one script call; bounds how long one call may hold Redis. */
const SCRIPT_BATCH = 64;
const PAGE_PUBLICATIONS = 256;
const PAGE_BYTES = 256 * 1024;

const PUBLISH = loadScript('life', 'stream', 'seen', 'publish');
const READ = loadScript('life', 'stream', 'read');
/** The scripts a connection must know before it carries calls of this file. */
export const STREAM_SCRIPTS = [PUBLISH, READ];
const OUTCOMES = ['accepted', 'duplicate', 'conflict'] as const;
/** Kind of the topic on which a channel's publications are announced. */
export const TOPIC_KIND = 'pub';

/** A caller that waits for its reply. */
export interface Waiting<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}
export interface WaitingPublish extends Waiting<Accepted> {
  readonly outgoing: Outgoing;
}
export interface WaitingRead extends Waiting<Page> {
  readonly channel: Tag;
  readonly after: Position | undefined;
}

/** One script call for a batch of one partition. `shared` are the script's arguments between run id and messages. */
export function publishCall(batch: readonly WaitingPublish[], shared: readonly Argument[]): Call {
  const partition = partitionOf(batch[0]?.outgoing.channel ?? '');
  const indexes = new Map<Tag, number>();
  const keys = [partitionKey('life', partition)];
  const args: (string | number)[] = [...shared];
  for (const { outgoing } of batch) {
    let index = indexes.get(outgoing.channel);
    if (index === undefined) {
      index = indexes.size + 1;
      indexes.set(outgoing.channel, index);
      keys.push(...streamKeys(outgoing.channel), relayKey(TOPIC_KIND, outgoing.channel));
    }
    const { ifCommit } = outgoing;
    args.push(index, outgoing.id, outgoing.body, ifCommit ? `${ifCommit.epoch} ${ifCommit.offset}` : '');
  }
  return {
    partition,
    script: PUBLISH,
    keys,
    args,
    settle: (error, reply) => {
      const triples = reply as (string | number)[];
      for (const [i, waiting] of batch.entries()) {
        if (error) {
          waiting.reject(translate(error));
          continue;
        }
        const [epoch, offset, outcome] = triples.slice(i * 3, i * 3 + 3);
        const position = { epoch: String(epoch), offset: Number(offset) };
        waiting.resolve({ outcome: OUTCOMES[Number(outcome)] ?? 'conflict', position });
      }
    },
  };
}

/** One script call that reads a page. `shared` are the script's arguments after the run id, up to the fourth. */
export function readCall(
  { channel, after, resolve, reject }: WaitingRead,
  shared: readonly Argument[],
): Call {
  const partition = partitionOf(channel);
  return {
    partition,
    script: READ,
    keys: [partitionKey('life', partition), ...streamKeys(channel)],
    args: [...shared, after?.epoch ?? '', after?.offset ?? 0, PAGE_PUBLICATIONS, PAGE_BYTES],
    settle: (error, reply) => {
      if (error) return reject(translate(error));
      const [epoch, head, gap, before, ...bodies] = reply as [string, number, string, number, ...string[]];
      const publications = bodies.map((body, i) => ({ position: { epoch, offset: before + i + 1 }, body }));
      const page = { head: { epoch, offset: head }, start: { epoch, offset: before }, publications };
      resolve(gap === '' ? page : { ...page, gap: gap as GapReason });
    },
  };
}

/** Groups publications by partition, at most SCRIPT_BATCH in a call, keeping their order within a channel. */
export function batches(publishes: readonly WaitingPublish[]): WaitingPublish[][] {
  const open = new Map<number, WaitingPublish[]>();
  const out: WaitingPublish[][] = [];
  for (const publish of publishes) {
    const partition = partitionOf(publish.outgoing.channel);
    let batch = open.get(partition);
    if (batch === undefined || batch.length >= SCRIPT_BATCH) {
      batch = [];
      open.set(partition, batch);
      out.push(batch);
    }
    batch.push(publish);
  }
  return out;
}

/** What one announcement brings, in order: a head line that is empty announces what is kept nowhere. */
export function receiveAnnouncement(channel: Tag, payload: string, listener: BrokerListener): void {
  const [head = '', ...bodies] = payload.split('\n');
  if (head === '') {
    for (const body of bodies) listener.onEphemeral(channel, body);
    return;
  }
  const space = head.indexOf(' ');
  const epoch = head.slice(0, space);
  let offset = Number(head.slice(space + 1));
  for (const body of bodies) {
    listener.onPublication(channel, { position: { epoch, offset }, body });
    offset += 1;
  }
}

/** All keys of a channel's stream. */
export function streamKeys(channel: Tag): string[] {
  return ['head', 'log', 'seen', 'seenold'].map((kind) => relayKey(kind, channel));
}
