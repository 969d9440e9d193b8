/** Rooms of eight, whose people write when it occurs to them. */
import exec from 'k6/execution';
import type { Options } from 'k6/options';
import { enter, keepAdmitted, type Member, PACKED, packs } from './crowd.ts';
import { randomText } from './crypto.ts';
import { createAccount, createChannel, pause, type SignedIn } from './edge.ts';
import type { Publication } from './peer.ts';
import { beside, once, type Plan, planOf } from './plan.ts';
import { accepted, arrived, disordered, lost, nowMs, promise, refuse } from './promises.ts';
import { rate, seconds, sockets, whole } from './settings.ts';
import { TREND_STATS } from './summary.ts';

const ROOM = 8;
const ARRIVAL_MS = 10_000;

/** One room: who is in it, and what each has heard. */
interface Room {
  readonly members: Member[];
  readonly heard: { count: number; offset: number }[];
  written: number;
}

export function chatPlan(fallbackS: number): Plan {
  return planOf({ rampS: Math.ceil(sockets(800) / 25) + 10, seconds: seconds(fallbackS) });
}

export function chatOptions(plan: Plan): Options {
  return {
    scenarios: {
      crowd: once(plan, 'crowd', packs(sockets(800))),
      ...beside(plan, whole('PROBES', 10, [1, 1_000])),
    },
    thresholds: promise('realtime', 'delivery', 'closes', 'refusals'),
    summaryTrendStats: TREND_STATS,
  };
}

/** The rooms of this virtual user, to the end. */
export async function runRooms(plan: Plan): Promise<void> {
  const place = exec.scenario.iterationInTest;
  await pause((place / packs(sockets(800))) * plan.fromMs * 0.8 - nowMs());
  const people = Math.min(PACKED, sockets(800) - place * PACKED);
  const rooms: Room[] = [];
  for (let i = 0; i < Math.ceil(people / ROOM); i += 1) rooms.push(await furnish());
  const everyMs = (1_000 * packs(sockets(800)) * rooms.length) / rate(100);
  const everybody = rooms.flatMap(({ members }) => members);
  await pause(plan.fromMs - nowMs());
  await Promise.all([
    ...rooms.map((room) => talk(room, everyMs, plan.untilMs)),
    keepAdmitted(everybody, plan.untilMs),
  ]);
  await leave(rooms);
}

async function furnish(): Promise<Room> {
  const room: Room = { members: [], heard: [], written: 0 };
  const people: SignedIn[] = [];
  for (let i = 0; i < ROOM; i += 1) {
    const device = (await createAccount(1))?.devices[0];
    if (device !== undefined) people.push(device);
  }
  const [owner, ...others] = people;
  const channelId =
    owner &&
    (await createChannel(
      owner,
      others.map(({ userId }) => userId),
    ));
  if (channelId === undefined) return room;
  for (const who of people) {
    const own = { count: 0, offset: 0 };
    const onPublication = ({ offset }: Publication) => {
      own.count += 1;
      arrived.add(1);
      if (offset <= own.offset) disordered.add(1);
      own.offset = offset;
    };
    const member = await enter(who, channelId, { onPublication });
    if (member === undefined) continue;
    if (!(await member.peer.show(member.channel))) refuse('presence', 'failed');
    room.members.push(member);
    room.heard.push(own);
  }
  return room;
}

/** Waits are exponential, so that messages come as people write: in bursts, and not at all for a while. */
async function talk(room: Room, everyMs: number, untilMs: number): Promise<void> {
  if (room.members.length === 0) return;
  for (;;) {
    await pause(Math.min(-Math.log(1 - Math.random()) * everyMs, untilMs - nowMs()));
    if (nowMs() >= untilMs) return;
    const writer = room.members[Math.floor(Math.random() * room.members.length)];
    if (writer === undefined || !writer.peer.isOpen) continue;
    if (!(await writer.peer.publish(writer.channel, randomText(12), randomText(1_024)))) continue;
    accepted.add(1);
    room.written += 1;
  }
}

async function leave(rooms: readonly Room[]): Promise<void> {
  const missing = () =>
    rooms.reduce(
      (sum, { heard, written }) =>
        sum + heard.reduce((all, { count }) => all + Math.max(written - count, 0), 0),
      0,
    );
  const deadlineMs = nowMs() + ARRIVAL_MS;
  while (missing() > 0 && nowMs() < deadlineMs) await pause(50);
  lost.add(missing());
  for (const { members } of rooms) for (const { peer } of members) peer.close();
}
