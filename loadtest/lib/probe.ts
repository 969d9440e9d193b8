/** Two accounts on two nodes, one writing and one reading: what is measured of a run is measured here. */
import { clearInterval, setInterval } from 'k6/timers';
import { randomText } from './crypto.ts';
import { connect, createAccount, createChannel, pause, type SignedIn } from './edge.ts';
import { Peer, type Publication } from './peer.ts';
import { arrived, disordered, lost, nowMs, realtime } from './promises.ts';

/** What was sent and is still awaited, and what must not come again. */
interface Sent {
  readonly atMs: number;
  readonly counts: boolean;
}

export interface ProbeTimes {
  /** Only from then on times are counted, in milliseconds since the run began. */
  readonly fromMs: number;
  readonly untilMs: number;
  /** Between two messages. */
  readonly everyMs: number;
  /** Bytes of ciphertext. */
  readonly bytes: number;
  /** Put on every time it measures. */
  readonly tags?: { readonly [name: string]: string };
}

/** Messages in flight are waited for this long at the end; whatever comes later is lost. */
const ARRIVAL_MS = 10_000;

export class Probe {
  readonly #channel: string;
  readonly #reader: Peer;
  readonly #writer: Peer;
  readonly #awaited = new Map<string, Sent>();
  #lastOffset = 0;
  #accepted = 0;
  #tags: { readonly [name: string]: string } = {};

  private constructor(channel: string, sockets: { reader: Peer; writer: Peer }) {
    this.#channel = channel;
    this.#reader = sockets.reader;
    this.#writer = sockets.writer;
  }

  /** Signs two up and connects them, to different nodes where there are two. Undefined when the service refused. */
  static async open(): Promise<Probe | undefined> {
    const [one, two] = [await createAccount(1), await createAccount(1)];
    const [reading, writing] = [one?.devices[0], two?.devices[0]];
    if (reading === undefined || writing === undefined) return undefined;
    const channelId = await createChannel(reading, [writing.userId]);
    if (channelId === undefined) return undefined;
    let probe: Probe | undefined;
    const onPublication = (publication: Publication) => {
      if (probe !== undefined) probe.#arrive(publication);
    };
    const reader = await openAt(reading, { channelId, onPublication });
    if (reader === undefined) return undefined;
    const writer = await openAt(writing, { channelId, not: reader.node });
    if (writer === undefined) return undefined;
    probe = new Probe(writer.channel, { reader: reader.peer, writer: writer.peer });
    return probe;
  }

  /** Writes at a steady pace and waits for what is under way; gives back how many were accepted. */
  async run({ fromMs, untilMs, everyMs, bytes, tags = {} }: ProbeTimes): Promise<number> {
    this.#tags = tags;
    this.#accepted = 0;
    // Not all probes at the same moment.
    await pause(Math.random() * everyMs);
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        const atMs = nowMs();
        if (atMs < untilMs) return void this.#write(bytes, { atMs, counts: atMs >= fromMs });
        clearInterval(timer);
        resolve();
      }, everyMs);
    });
    const deadlineMs = nowMs() + ARRIVAL_MS;
    while (this.#awaited.size > 0 && nowMs() < deadlineMs) await pause(50);
    lost.add(this.#awaited.size);
    this.#awaited.clear();
    return this.#accepted;
  }

  close(): void {
    this.#reader.close();
    this.#writer.close();
  }

  async #write(bytes: number, sent: Sent): Promise<void> {
    const id = randomText(12);
    this.#awaited.set(id, sent);
    const isAccepted = await this.#writer.publish(this.#channel, id, randomText(bytes));
    // Not accepted: nothing was promised. It may have come all the same.
    if (isAccepted) this.#accepted += 1;
    else this.#awaited.delete(id);
  }

  #arrive({ id, offset }: Publication): void {
    const sent = this.#awaited.get(id);
    if (offset <= this.#lastOffset) disordered.add(1);
    this.#lastOffset = Math.max(this.#lastOffset, offset);
    if (sent === undefined) return;
    this.#awaited.delete(id);
    arrived.add(1);
    if (sent.counts) realtime.add(nowMs() - sent.atMs, this.#tags);
  }
}

async function openAt(
  who: SignedIn,
  where: {
    readonly channelId: string;
    readonly not?: string;
    readonly onPublication?: (publication: Publication) => void;
  },
): Promise<{ peer: Peer; node: string; channel: string } | undefined> {
  const admission = await connect(who, [where.channelId]);
  const origin = admission?.origins.find(({ node }) => node !== where.not) ?? admission?.origins[0];
  const channel = admission?.channels[0]?.channel;
  if (admission === undefined || origin === undefined || channel === undefined) return undefined;
  const { onPublication } = where;
  const peer = await Peer.open({ admission, urls: [origin.url], ...(onPublication && { onPublication }) });
  return peer === undefined ? undefined : { peer, node: origin.node, channel };
}
