import { rm } from 'node:fs/promises';
import { cpus, release } from 'node:os';
import { randomId } from '../../../shared/bytes.ts';
import { Endings } from '../endings.ts';
import { openDatabase, openNodes, openRelay, openState, type Parts, pickPorts, serveEdge } from '../parts.ts';
import { temporaryDirectory } from '../servers/temporary.ts';
import { openStateDir } from '../state-dir.ts';
import { percentile } from '../try/report.ts';
import { type Account, Callers, connect, createChannel, createDevice, type Prepared } from './callers.ts';
import { type Passage, startCountingProxy, tripsOf } from './counting-proxy.ts';

export interface ApiBenchOptions {
  /** Measured calls of each kind, one after another and then again at once. */
  readonly calls: number;
  /** Calls under way at once in the second pass. */
  readonly atOnce: number;
  readonly say: (sentence: string) => void;
}

/** One row of the table. Times in milliseconds, seen by the caller. */
export interface ApiRow {
  readonly call: string;
  /** One call after another: how long each takes. */
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  /** As many at once as asked for: how long they take when each waits for the others. */
  readonly busyP95Ms: number;
  readonly perSecond: number;
  /** Round trips that a call makes one after another. */
  readonly trips: number;
  /** How many are promised: two, or three where something is asked for that no store has a copy of. */
  readonly tripsMax: number;
}

export interface ApiReport {
  readonly rows: readonly ApiRow[];
  readonly machine: string;
  readonly node: string;
  readonly date: string;
}

/** So many that no budget of an account is met: each changes at most 120 things a minute, and one makes 100 channels. */
const ACCOUNTS = 80;
/** Accounts made at once: the edge has deadlines, and a busy machine little time. */
const JOINING = 10;
/** Calls of each kind before the measured ones. */
const WARM_UP = 20;
/**
 * Calls made one by one to count their trips; the fewest count. Requests that wait for each other never overlap, so no
 * count is too low; one is too high when two that did not wait happened to come one after the other.
 */
const COUNTED = 30;

/** Somebody new in a channel is unknown to the state Redis by nature. */
const COLD: readonly string[] = ['POST /v1/channels/{id}/members'];

/** Runs a stack of its own, whose edge reaches its stores through proxies that count, and measures every call. */
export async function benchApi(options: ApiBenchOptions): Promise<ApiReport> {
  const endings = new Endings();
  try {
    const { edge, passages } = await startCounted(endings, options.say);
    const kinds = await prepareKinds(new Callers(edge), options);
    const rows: ApiRow[] = [];
    for (const [call, next] of kinds) {
      const tripsMax = COLD.includes(call) ? 3 : 2;
      const row = await measure({ call, next, callers: new Callers(edge), passages }, options);
      rows.push({ ...row, tripsMax });
      options.say(`measured ${call}`);
    }
    const [cpu] = cpus();
    return {
      rows,
      machine: `${cpus().length} × ${cpu?.model ?? 'unknown'}, ${process.platform} ${release()}`,
      node: process.version,
      date: new Date().toISOString().slice(0, 10),
    };
  } finally {
    await endings.run();
  }
}

async function startCounted(endings: Endings, say: (sentence: string) => void) {
  const home = await temporaryDirectory('bench');
  endings.add('directory', () => rm(home, { recursive: true, force: true }));
  const state = await openStateDir(home, { isFresh: false });
  endings.add('directory', () => state.claim.release());
  const parts: Parts = { state, endings, given: undefined, nodeCount: 1, preferred: {}, say };
  const [keys, ports, redisUrl, databaseUrl] = await Promise.all([
    state.keys(),
    pickPorts(parts),
    openRelay(parts),
    openDatabase(parts),
  ]);
  const rest = await openState(parts, redisUrl);
  const nodes = await openNodes(parts, { keys, ports, redisUrl, databaseUrl });
  const passages: Passage[] = [];
  const through = async (url: string) => {
    const proxy = await startCountingProxy(url, passages);
    endings.add('upstash', proxy.stop);
    return proxy.url;
  };
  const counted = await Promise.all(
    nodes.map(async (node) => ({ ...node, internalUrl: await through(node.internalUrl) })),
  );
  const { url } = await serveEdge(parts, {
    keys,
    port: ports.edge,
    rest: { ...rest, url: await through(rest.url) },
    nodes: counted,
  });
  return { edge: url, passages };
}

/** Makes the next call of its kind; what has to be signed for it is signed here. */
type Next = (i: number) => Prepared | Promise<Prepared>;

async function prepareKinds(callers: Callers, { say }: ApiBenchOptions): Promise<[string, Next][]> {
  const accounts: Account[] = [];
  while (accounts.length < ACCOUNTS)
    accounts.push(...(await Promise.all(Array.from({ length: JOINING }, () => callers.join()))));
  const of = (i: number) => accounts[i % ACCOUNTS] as Account;
  const [host] = accounts as [Account];
  const channels = Array.from({ length: 100 }, () => randomId());
  for (const channelId of channels) await callers.call(createChannel(host, channelId));
  // One budget of its own for each channel's members: whoever asks for 100 channels is in all of them.
  const own = new Map<Account, string>();
  for (const account of accounts) {
    const { channelId } = await callers.call<{ channelId: string }>(createChannel(account));
    own.set(account, channelId);
  }
  say(`${ACCOUNTS} accounts and ${channels.length + accounts.length} channels are made`);
  const owned = (i: number) => own.get(of(i)) ?? '';
  const get =
    (path: string): Next =>
    (i) => ({ method: 'GET', path, token: of(i).token });
  return [
    ['POST /v1/accounts', async () => callers.signUp(await createDevice())],
    ['POST /v1/sessions', (i) => callers.signIn(of(i))],
    ['POST /v1/sessions/renew', (i) => callers.renew(of(i))],
    ['GET /v1/sessions', get('/v1/sessions')],
    ['GET /v1/devices', get('/v1/devices')],
    ['POST /v1/channels', (i) => createChannel(of(i))],
    [
      'POST /v1/channels/{id}/members',
      (i) => ({
        method: 'POST',
        path: `/v1/channels/${owned(i)}/members`,
        token: of(i).token,
        body: { userId: randomId() },
      }),
    ],
    ['POST /v1/connect, no channel', (i) => connect(of(i), [])],
    ['POST /v1/connect, 1 channel', (i) => connect(of(i), [owned(i)])],
    ['POST /v1/connect, 100 asked, 1 granted', (i) => connect(of(i), [...channels.slice(1), owned(i)])],
    ['GET /.well-known/jwks.json', () => ({ method: 'GET', path: '/.well-known/jwks.json' })],
  ];
}

interface Measured {
  readonly call: string;
  readonly next: Next;
  readonly callers: Callers;
  readonly passages: Passage[];
}

async function measure(
  { call, next, callers, passages }: Measured,
  options: ApiBenchOptions,
): Promise<Omit<ApiRow, 'tripsMax'>> {
  const { calls, atOnce } = options;
  const length = WARM_UP + COUNTED + 2 * calls;
  const prepared = await Promise.all(Array.from({ length }, (_, i) => next(i)));
  for (const one of prepared.splice(0, WARM_UP)) await callers.call(one);
  let trips = Number.POSITIVE_INFINITY;
  for (const one of prepared.splice(0, COUNTED)) {
    passages.length = 0;
    await callers.call(one);
    trips = Math.min(trips, tripsOf(passages));
  }
  const alone = await timed(prepared.splice(0, calls), 1, callers);
  const busy = await timed(prepared, atOnce, callers);
  return {
    call,
    p50Ms: alone.at(0.5),
    p95Ms: alone.at(0.95),
    p99Ms: alone.at(0.99),
    busyP95Ms: busy.at(0.95),
    perSecond: busy.perSecond,
    trips,
  };
}

/** Makes the calls, so many at once, and tells how long they took. */
async function timed(prepared: readonly Prepared[], atOnce: number, callers: Callers) {
  const [times, left] = [[] as number[], [...prepared]];
  const work = async () => {
    for (let one = left.pop(); one !== undefined; one = left.pop()) {
      const startMs = performance.now();
      await callers.call(one);
      times.push(performance.now() - startMs);
    }
  };
  const startMs = performance.now();
  await Promise.all(Array.from({ length: atOnce }, work));
  const seconds = (performance.now() - startMs) / 1_000;
  return {
    at: (share: number) => Math.round(percentile(times, share) * 10) / 10,
    perSecond: Math.round(prepared.length / seconds),
  };
}
