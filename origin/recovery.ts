/**
 * Brings one connection from where it stands to the live stream of a channel, without gap or repeat.
 *
 * Pages are read from the log and sent; the connection joins the fan-out in the tick in which it stands exactly where
 * the feed stands. Three things may be in the way, each with its own remedy: the log holds more (read the next page),
 * the feed is ahead of the page (read again), the connection is ahead of the feed or in another epoch (the feed is
 * behind: have it repaired). Publications beyond the feed's position are left for the live stream to bring.
 */
import { encodePublication, encodeServerFrame } from '../shared/codec.ts';
import type { Tag } from '../shared/frame.ts';
import type { Position } from '../shared/position.ts';
import type { Feed } from './feed.ts';
import type { Broker, Page, Socket } from './ports.ts';

/** A replay pauses while more than this is queued for the peer: the log waits in Redis, not in our memory. */
const REPLAY_QUEUE_BYTES = 256 * 1024;

export interface Recovery {
  readonly broker: Broker;
  readonly socket: Socket;
  readonly feed: Feed;
  /** False once the connection closed or left the channel; recovery then stops silently. */
  readonly isWanted: () => boolean;
  readonly onReplayed: (publications: number) => void;
  readonly onGap: () => void;
}

/** Replays what follows `after` (nothing when undefined) and joins. Resolves to the position joined at, or undefined. */
export async function recover(
  recovery: Recovery,
  after: Position | undefined,
): Promise<Position | undefined> {
  const { broker, socket, feed } = recovery;
  let at = after;
  while (recovery.isWanted()) {
    const page = await broker.read(feed.channel, at);
    if (!recovery.isWanted()) return undefined;
    const isFresh = at === undefined;
    at = replay(recovery, page);
    if (isFresh && feed.last?.epoch === at.epoch) at = feed.last;
    if (feed.last === undefined && at.offset === page.head.offset) feed.begin(at);
    if (feed.last?.epoch === at.epoch && feed.last.offset === at.offset) {
      socket.join(feed.channel);
      return at;
    }
    if (isBehind(feed, at)) await feed.repair();
    if (socket.bufferedBytes() > REPLAY_QUEUE_BYTES) await socket.drained();
  }
  return undefined;
}

/** Sends a page up to where the feed stands; returns where the connection stands then. */
function replay({ socket, feed, onGap, onReplayed }: Recovery, page: Page): Position {
  if (page.gap !== undefined) {
    onGap();
    socket.send(encodeServerFrame(gapFrame(feed.channel, page)));
  }
  let at = page.start;
  let sent = 0;
  for (const { position, body } of page.publications) {
    if (feed.last?.epoch === position.epoch && position.offset > feed.last.offset) break;
    if (socket.send(encodePublication(position, body)) === 'full') break;
    at = position;
    sent += 1;
  }
  onReplayed(sent);
  return at;
}

function gapFrame(channel: Tag, page: Page) {
  return { type: 'gap', channel, position: page.start, reason: page.gap ?? 'epoch' } as const;
}

function isBehind({ last }: Feed, at: Position): boolean {
  return last !== undefined && (last.epoch !== at.epoch || last.offset < at.offset);
}
