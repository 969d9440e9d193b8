import { openNodeSocket } from '../../../shared/client/adapters/node-socket.ts';
import { loadDevice, memoryDeviceStore } from '../../../shared/client/device.ts';
import { type Client, connectAccount } from '../../../shared/client/hushwire.ts';
import { startStack } from '../stack.ts';
import { percentile } from '../try/report.ts';

export interface BanBenchOptions {
  /** People who are banned. */
  readonly bans: number;
  /** Sockets open when it begins, theirs among them. */
  readonly sockets: number;
  readonly say: (sentence: string) => void;
}
/** Milliseconds from the operator's call to the end of a banned person's socket. */
export interface BanReport {
  readonly bans: number;
  readonly sockets: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Sockets that were still open after the deadline, and those of others that ended as well. */
  readonly left: number;
  readonly strangers: number;
}

/** In one call, so that the budget of the operator's account is not what is measured. */
const AT_ONCE = 5;
/** Sign-ups at the same time. */
const SIGN_UPS = 20;
/** What is promised. */
export const OUT_WITHIN_MS = 2_000;

/** Bans people on a stack of its own of two nodes, and measures how long each stays. */
export async function benchBans({ bans, sockets, say }: BanBenchOptions): Promise<BanReport> {
  const store = memoryDeviceStore();
  const { deviceId } = await loadDevice(store);
  const edgeEnv = { HUSHWIRE_EDGE_OPERATORS: deviceId };
  const stack = await startStack({ given: { webOrigins: [], originEnv: {}, edgeEnv }, onStep: say });
  const crowd: Client[] = [];
  try {
    const connect = () =>
      connectAccount({ edge: stack.edgeUrl, openSocket: openNodeSocket, through: 'direct' });
    const operator = await connectAccount({ edge: stack.edgeUrl, openSocket: openNodeSocket, store });
    crowd.push(operator);
    const work = async () => {
      while (crowd.length <= sockets) {
        const client = connect();
        crowd.push(operator); // Holds the place until somebody is in it.
        const place = crowd.length - 1;
        crowd[place] = await client;
        if (place % 200 === 0) say(`${place} of ${sockets} sockets are open`);
      }
    };
    await Promise.all(Array.from({ length: SIGN_UPS }, work));
    const [banned, others] = [crowd.slice(1, bans + 1), crowd.slice(bans + 1)];
    const tookMs: number[] = [];
    for (let i = 0; i < banned.length; i += AT_ONCE)
      tookMs.push(...(await banAtOnce(operator, banned.slice(i, i + AT_ONCE))));
    tookMs.sort((a, b) => a - b);
    return {
      ...{ bans: tookMs.length, sockets },
      p50Ms: rounded(percentile(tookMs, 0.5)),
      p99Ms: rounded(percentile(tookMs, 0.99)),
      maxMs: rounded(tookMs.at(-1) ?? 0),
      left: banned.length - tookMs.length,
      strangers: others.filter(({ state }) => state.state === 'closed').length,
    };
  } finally {
    for (const client of crowd) client.close();
    await stack.stop();
  }
}

/** How long each of them stayed; nobody who stayed longer than the deadline. */
async function banAtOnce(operator: Client, people: readonly Client[]): Promise<number[]> {
  const startMs = performance.now();
  const ends = people.map(
    (client) =>
      new Promise<number | undefined>((resolve) => {
        const deadline = setTimeout(() => resolve(undefined), OUT_WITHIN_MS * 2);
        client.on('state', ({ state }) => {
          if (state !== 'closed') return;
          clearTimeout(deadline);
          resolve(performance.now() - startMs);
        });
      }),
  );
  await operator.serviceBans.place({ userIds: people.map(({ userId }) => userId) });
  return (await Promise.all(ends)).filter((ms) => ms !== undefined);
}

function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}
