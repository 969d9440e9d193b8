/**
 * Readers that fall behind, beside probes that must not notice: their virtual users are kept busy for twenty seconds at a
 * time, so that nothing is read from their sockets, while another writes to them more than the node and both systems hold.
 *
 *     k6 run -e EDGE_URL=https://edge.example loadtest/slow-consumer.ts
 *
 * SOCKETS (5) slow readers, five to a channel, RATE (16) messages of 32 KiB a second in each channel, SECONDS (60, at most
 * 180), PROBES (6). The node cuts them off (`slow consumer`, counted in `cuts`), and they come back: no fault. The promise is
 * what the probes get meanwhile.
 */

import { sleep } from 'k6';
import exec from 'k6/execution';
import { Counter } from 'k6/metrics';
import type { Options } from 'k6/options';
import ws from 'k6/ws';
import { enter } from './lib/crowd.ts';
import { randomText } from './lib/crypto.ts';
import { type Admission, connect, createAccount, createChannel, pause, type SignedIn } from './lib/edge.ts';
import { beside, once, planOf, runGenerator, runProbe } from './lib/plan.ts';
import { nowMs, opened, promise } from './lib/promises.ts';
import { rate, sockets, whole } from './lib/settings.ts';
import { summarise, TREND_STATS } from './lib/summary.ts';

const SOCKETS = sockets(5);
const RATE = rate(16);
const READERS = 5;
const CHANNELS = Math.ceil(SOCKETS / READERS);
// The access tokens of the readers live five minutes, and only their maker could renew them.
const PLAN = planOf({ rampS: 15, seconds: whole('SECONDS', 60, [10, 180]) });
const BYTES = 32_768;
/** At 16 × 44 KB a second 14 MB: a node queues 1 MiB, and the systems on both sides some 4 to 6 MB. */
const DEAF_S = 20;
/** What lies in the buffers of the system has to be read before the end is seen. */
const PATIENCE_MS = 10_000;
const WELCOME_MS = 1_000;
const cuts = new Counter('cuts');

export const options: Options = {
  scenarios: {
    writers: once(PLAN, 'write', CHANNELS),
    readers: once(PLAN, 'read', SOCKETS),
    ...beside(PLAN, whole('PROBES', 6, [1, 1_000])),
  },
  // Without a slow reader the run would prove nothing.
  thresholds: { ...promise('realtime', 'delivery', 'refusals'), cuts: ['count>0'] },
  summaryTrendStats: TREND_STATS,
};

/** What virtual users can be handed: a device that is signed in, without its key. */
type Visitor = Pick<SignedIn, 'userId' | 'sessionId' | 'accessToken'>;
interface Room {
  readonly channelId: string;
  readonly writer: Visitor;
  readonly readers: readonly Visitor[];
}

/** An account for every channel: one device writes, the others are its slow readers. */
export async function setup(): Promise<Room[]> {
  const rooms: Room[] = [];
  for (let i = 0; i < CHANNELS; i += 1) {
    const account = await createAccount(1 + Math.min(READERS, SOCKETS - i * READERS));
    const [writer, ...readers] = account?.devices ?? [];
    const channelId = writer && (await createChannel(writer));
    if (writer === undefined || channelId === undefined) throw new Error('The service takes nobody in');
    rooms.push({ channelId, writer: visitor(writer), readers: readers.map(visitor) });
  }
  return rooms;
}

function visitor({ userId, sessionId, accessToken }: SignedIn): Visitor {
  return { userId, sessionId, accessToken };
}

/** Without its device, so for as long as the access token lives. */
function signedIn(who: Visitor): SignedIn {
  return { ...who, device: undefined as never, renewAtMs: Number.POSITIVE_INFINITY };
}

export async function write(rooms: readonly Room[]): Promise<void> {
  const room = rooms[exec.scenario.iterationInTest];
  const member = room && (await enter(signedIn(room.writer), room.channelId, {}));
  if (member === undefined) return;
  const body = randomText(BYTES); // Made once: k6 would be busy with nothing else.
  const { peer, channel } = member;
  await pause(PLAN.fromMs - nowMs());
  while (nowMs() < PLAN.untilMs && peer.isOpen) {
    await Promise.all([peer.publish(channel, randomText(12), body), pause(1_000 / RATE)]);
  }
  peer.close();
}

/**
 * Over the older `k6/ws`: it reads a message when the one before has been dealt with. `k6/websockets` reads on while a virtual
 * user sleeps, into a queue of its own, so that nobody is ever slow there.
 */
export async function read(rooms: readonly Room[]): Promise<void> {
  const place = exec.scenario.iterationInTest;
  const room = rooms[Math.floor(place / READERS)];
  const who = room?.readers[place % READERS];
  if (room === undefined || who === undefined) return;
  await pause(PLAN.fromMs - nowMs() + (place * DEAF_S * 1_000) / SOCKETS);
  while (PLAN.untilMs - nowMs() > DEAF_S * 1_000) {
    const admission = await connect(signedIn(who), [room.channelId]);
    if (admission === undefined) return;
    readSlowly(admission);
  }
}

/** Comes back when the node has ended it, and counts that; or after a while of its own accord. */
function readSlowly({ origins, ticket, grants, channels }: Admission): void {
  const protocols = `hushwire.v1, hushwire.ticket.${ticket}`;
  const params = { headers: { 'Sec-WebSocket-Protocol': protocols }, tags: { name: 'slow' } };
  let isLeaving = false;
  ws.connect(origins[0]?.url ?? '', params, (socket) => {
    const wanted = channels.map(({ channel }) => ({ channel }));
    // Not at once: a node wants to say welcome first.
    socket.setTimeout(() => {
      opened.add(1);
      socket.send(JSON.stringify({ type: 'subscribe', ref: 1, grants, channels: wanted }));
    }, WELCOME_MS);
    let isRested = false;
    socket.on('message', (text) => {
      if (isRested || !text.includes('"publication"')) return;
      isRested = true;
      sleep(DEAF_S);
      socket.setTimeout(() => {
        isLeaving = true;
        socket.close();
      }, PATIENCE_MS);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => cuts.add(isLeaving ? 0 : 1));
  });
}

export const probes = () => runProbe(PLAN);
export const generator = () => runGenerator(PLAN);
export const handleSummary = summarise('slow-consumer');
