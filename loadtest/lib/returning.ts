/** A crowd that comes back when its sockets end, and moves when its nodes ask it to, as clients do. */
import { type CrowdOptions, enter, gather, type Member, shareOf } from './crowd.ts';
import { pause } from './edge.ts';
import type { Moved } from './peer.ts';
import type { Plan } from './plan.ts';
import { away, cuts, moves, nowMs, present, refuse } from './promises.ts';

/** Full jitter up to this, doubled each time: everybody at once would be the next outage. */
const FIRST_MS = 500;
const CAP_MS = 8_000;
const TRIES = 12;

/** Holds a crowd that returns; counts how long each was away, and who is there at the end. */
export async function runReturning(plan: Plan, sockets: number): Promise<void> {
  const running = new Set<Promise<void>>();
  let isOver = false;
  const begin = (run: Promise<void>) => {
    running.add(run);
    run.then(() => running.delete(run));
  };
  const handlers: Handlers = {
    onEnd: (member) => {
      if (!isOver) begin(comeBack(member, handlersFor(member, handlers)));
    },
    onMoved: (member, moved) => {
      if (!isOver) begin(move(member, moved, handlersFor(member, handlers)));
    },
  };
  const members = await gather({ sockets, rampMs: plan.fromMs * 0.9, ...handlers });
  await pause(plan.untilMs - nowMs());
  isOver = true;
  await Promise.all([...running]);
  for (let i = 0; i < shareOf(sockets); i += 1) present.add(members[i]?.peer.isOpen === true);
  for (const { peer } of members) peer.close();
}

type Handlers = Required<Pick<CrowdOptions, 'onEnd' | 'onMoved'>>;

/** What happens to a later socket happens to the member that has it. */
function handlersFor(member: Member, { onEnd, onMoved }: Handlers): Handlers {
  return { onEnd: () => onEnd(member), onMoved: (_, moved) => onMoved(member, moved) };
}

/** The next connection is open before the old one is left; nobody is away. */
async function move(member: Member, { afterMs, origins }: Moved, handlers: Handlers): Promise<void> {
  await pause(afterMs);
  const urls = origins.map(({ url }) => url);
  const next = await enter(member.who, member.channelId, { ...handlers, urls });
  if (next === undefined) return; // The end of the old one is what brings it back.
  const old = member.peer;
  member.peer = next.peer;
  moves.add(1);
  old.close();
}

async function comeBack(member: Member, handlers: Handlers): Promise<void> {
  const lostAtMs = nowMs();
  cuts.add(1);
  for (let tries = 0; tries < TRIES; tries += 1) {
    await pause(Math.random() * Math.min(FIRST_MS * 2 ** tries, CAP_MS));
    const again = await enter(member.who, member.channelId, handlers);
    if (again === undefined) continue;
    member.peer = again.peer;
    away.add(nowMs() - lostAtMs);
    return;
  }
  refuse('coming back', 'given up');
}
