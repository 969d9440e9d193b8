/**
 * One channel with many readers, in which probes write: each message goes to every one of them.
 *
 *     k6 run -e EDGE_URL=https://edge.example -e SOCKETS=1000 -e RATE=5 loadtest/fan-out.ts
 *
 * SOCKETS (600) readers, RATE (5) messages a second, SECONDS (60), BYTES (1024) of ciphertext. Times are of two readers, on
 * two nodes; all others are counted. The promise: every message reaches every reader, once and in order.
 */
import exec from 'k6/execution';
import type { Options } from 'k6/options';
import { enter, type Member, PACKED, packs } from './lib/crowd.ts';
import { randomText } from './lib/crypto.ts';
import { call, createAccount, createChannel, pause, type SignedIn } from './lib/edge.ts';
import type { Publication } from './lib/peer.ts';
import { beside, once, planOf, runGenerator, runProbe } from './lib/plan.ts';
import { accepted, arrived, disordered, lost, nowMs, promise } from './lib/promises.ts';
import { rate, seconds, sockets, whole } from './lib/settings.ts';
import { summarise, TREND_STATS } from './lib/summary.ts';

const SOCKETS = sockets(600);
const RATE = rate(5);
const BYTES = whole('BYTES', 1_024, [16, 48_000]);
const PLAN = planOf({ rampS: Math.ceil(SOCKETS / 40) + 10, seconds: seconds(60) });
const ARRIVAL_MS = 5_000;

export const options: Options = {
  scenarios: {
    crowd: once(PLAN, 'crowd', packs(SOCKETS)),
    ...beside(PLAN, whole('PROBES', 10, [1, 1_000])),
  },
  thresholds: promise('realtime', 'delivery', 'closes', 'refusals'),
  summaryTrendStats: TREND_STATS,
};

/** Every pack has a channel of its own with a hundred readers, and a writer among them. */
export async function crowd(): Promise<void> {
  const place = exec.scenario.iterationInTest;
  await pause((place / packs(SOCKETS)) * PLAN.fromMs * 0.8 - nowMs());
  const heard: Heard[] = [];
  const readers = await fill(Math.min(PACKED, SOCKETS - place * PACKED), heard);
  await pause(PLAN.fromMs - nowMs());
  const written = await write(readers);
  const deadlineMs = nowMs() + ARRIVAL_MS;
  while (heard.some(({ count }) => count < written) && nowMs() < deadlineMs) await pause(50);
  lost.add(heard.reduce((sum, { count }) => sum + Math.max(written - count, 0), 0));
  for (const { peer } of readers) peer.close();
}

interface Heard {
  count: number;
  offset: number;
}

async function fill(wanted: number, heard: Heard[]): Promise<Member[]> {
  const readers: Member[] = [];
  let owner: SignedIn | undefined;
  let channelId: string | undefined;
  while (readers.length < wanted) {
    const account = await createAccount(Math.min(6, wanted - readers.length));
    if (account === undefined) break;
    owner ??= account.devices[0];
    channelId ??= owner && (await createChannel(owner));
    if (owner === undefined || channelId === undefined) break;
    if (account.userId !== owner.userId) await add(owner, channelId, account.userId);
    for (const who of account.devices) {
      const own: Heard = { count: 0, offset: 0 };
      const member = await enter(who, channelId, { onPublication: (message) => hear(own, message) });
      if (member === undefined) return readers;
      heard.push(own);
      readers.push(member);
    }
  }
  return readers;
}

function add({ accessToken }: SignedIn, channelId: string, userId: string) {
  const name = '/v1/channels/{channelId}/members';
  const path = `/v1/channels/${channelId}/members`;
  return call({ path, name, status: 201, body: { userId }, token: accessToken });
}

function hear(own: Heard, { offset }: Publication): void {
  own.count += 1;
  if (offset <= own.offset) disordered.add(1);
  own.offset = offset;
  arrived.add(1);
}

/** At a steady pace, by the first of them; gives back how many were accepted. */
async function write(readers: readonly Member[]): Promise<number> {
  const [writer] = readers;
  const channel = writer?.channel;
  if (writer === undefined || channel === undefined) return 0;
  let written = 0;
  const everyMs = (1_000 * packs(SOCKETS)) / RATE;
  await pause(Math.random() * everyMs);
  while (nowMs() < PLAN.untilMs) {
    if (await writer.peer.publish(channel, randomText(12), randomText(BYTES))) {
      written += 1;
      accepted.add(1);
    }
    await pause(everyMs);
  }
  return written;
}

export const probes = () => runProbe(PLAN);
export const generator = () => runGenerator(PLAN);
export const handleSummary = summarise('fan-out');
