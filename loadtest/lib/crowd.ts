/** Many devices, each with its own ticket and socket, packed into few virtual users. */
import exec from 'k6/execution';
import { connect, createAccount, createChannel, pause, type SignedIn } from './edge.ts';
import { type Moved, Peer, type Publication } from './peer.ts';
import { nowMs, present, refuse } from './promises.ts';

/** The most an account may have. */
const DEVICES = 6;
/** Sockets in one virtual user. */
export const PACKED = 100;

export interface CrowdOptions {
  /** Sockets of the whole run. */
  readonly sockets: number;
  /** Over how long they come. */
  readonly rampMs: number;
  readonly onPublication?: (publication: Publication) => void;
  readonly onEnd?: (member: Member) => void;
  /** Its node goes away; the socket works on until then. */
  readonly onMoved?: (member: Member, moved: Moved) => void;
}
export interface Member {
  readonly who: SignedIn;
  readonly channelId: string;
  /** Tag of that channel. */
  readonly channel: string;
  peer: Peer;
}

/** Virtual users that hold so many sockets. */
export function packs(sockets: number): number {
  return Math.ceil(sockets / PACKED);
}

/**
 * The share of this virtual user: accounts of six devices, all of them in a channel of their account, one socket each. It
 * begins when its turn in the ramp comes, and goes at the pace the edge allows.
 */
export async function gather(options: CrowdOptions): Promise<Member[]> {
  const { sockets, rampMs } = options;
  const place = exec.scenario.iterationInTest;
  const share = Math.min(PACKED, sockets - place * PACKED);
  await pause((place / packs(sockets)) * rampMs - nowMs());
  const members: Member[] = [];
  while (members.length < share) {
    const wanted = Math.min(DEVICES, share - members.length);
    const joined = await join(wanted, options);
    members.push(...joined);
    // Told already, in `refused`; going on without them shows in `present`.
    if (joined.length < wanted) break;
  }
  return members;
}

async function join(devices: number, options: CrowdOptions): Promise<Member[]> {
  const account = await createAccount(devices);
  const owner = account?.devices[0];
  if (account === undefined || owner === undefined) return [];
  const channelId = await createChannel(owner);
  if (channelId === undefined) return [];
  const members: Member[] = [];
  for (const who of account.devices) {
    const member = await enter(who, channelId, options);
    if (member !== undefined) members.push(member);
  }
  return members;
}

export interface Entering extends Pick<CrowdOptions, 'onPublication' | 'onEnd' | 'onMoved'> {
  /** To be tried before those that the edge names. */
  readonly urls?: readonly string[];
}

/** Connects a device, as it does at first and after a cut. */
export async function enter(
  who: SignedIn,
  channelId: string,
  { onPublication, onEnd, onMoved, urls = [] }: Entering,
): Promise<Member | undefined> {
  const admission = await connect(who, [channelId]);
  if (admission === undefined) return undefined;
  let member: Member | undefined;
  const peer = await Peer.open({
    admission,
    urls: [...urls, ...admission.origins.map(({ url }) => url)],
    ...(onPublication && { onPublication }),
    ...(onEnd && { onEnd: () => member !== undefined && onEnd(member) }),
    ...(onMoved && { onMoved: (moved) => member !== undefined && onMoved(member, moved) }),
  });
  if (peer === undefined) return undefined;
  member = { who, channelId, channel: admission.channels[0]?.channel ?? '', peer };
  return member;
}

/** Holds the sockets until then, and counts who was there when the part that counts began. */
export async function hold(
  members: readonly Member[],
  { wanted, fromMs, untilMs }: { readonly wanted: number; readonly fromMs: number; readonly untilMs: number },
): Promise<void> {
  await pause(fromMs - nowMs());
  for (let i = 0; i < wanted; i += 1) present.add(members[i]?.peer.isOpen === true);
  await keepAdmitted(members, untilMs);
  for (const { peer } of members) peer.close();
}

/** Grants last 10 min; clients renew theirs well before. */
const RENEW_MS = 6 * 60_000;

/** Brings new grants in time, and resolves at the end. */
export async function keepAdmitted(members: readonly Member[], untilMs: number): Promise<void> {
  while (untilMs - nowMs() > RENEW_MS) {
    const roundMs = nowMs() + RENEW_MS;
    for (const { who, channelId, peer } of members) {
      await pause(((roundMs - nowMs()) / members.length) * Math.random());
      const admission = peer.isOpen ? await connect(who, [channelId]) : undefined;
      if (admission !== undefined && !(await peer.refresh(admission))) refuse('refresh', 'failed');
    }
    await pause(Math.min(roundMs, untilMs) - nowMs());
  }
  await pause(untilMs - nowMs());
}

/** What this virtual user must bring when the crowd is this big. */
export function shareOf(sockets: number): number {
  const place = exec.scenario.iterationInTest;
  return Math.min(PACKED, sockets - place * PACKED);
}
