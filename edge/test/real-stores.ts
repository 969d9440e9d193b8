import { Redis } from 'ioredis';
import { createKeys } from '../../deploy/local/keys.ts';
import { startOrigin } from '../../deploy/local/servers/origin.ts';
import { startRedis } from '../../deploy/local/servers/redis.ts';
import { startUpstash } from '../../deploy/local/servers/upstash.ts';
import { randomId } from '../../shared/bytes.ts';
import { createDatabase } from '../../shared/testing/database.ts';
import { createSigner } from '../../shared/token.ts';
import { createOriginApi } from '../adapters/origin-api.ts';
import { createUpstashLimiter } from '../adapters/upstash-limiter.ts';
import { createUpstashState } from '../adapters/upstash-state.ts';
import { createApp } from '../app.ts';
import { readConfig } from '../config.ts';
import { budgetsOf } from '../limits.ts';
import { createNodes } from '../nodes.ts';
import { Client } from './client.ts';
import { PUBLIC_URL, testEnv } from './harness.ts';

/** Hundreds of calls at once share two cores with every store here; deadlines have tests of their own. */
const PATIENCE_MS = 10_000;

/** An edge in this process, whose clock is ours, over a real state Redis and a real origin with its Postgres. */
export interface RealStores {
  readonly client: Client;
  /** The edge as the SDK calls it. */
  readonly fetch: typeof fetch;
  readonly redis: Redis;
  readonly relay: Redis;
  readonly databaseUrl: string;
  now(): number;
  /** Moves the edge's clock on; the stores keep theirs. */
  advance(ms: number): void;
  /** The state Redis stops answering. */
  stopState(): Promise<void>;
  stop(): Promise<void>;
}

export async function startRealStores(env: Readonly<Record<string, string>> = {}): Promise<RealStores> {
  const ends: (() => unknown)[] = [];
  const stop = async () => {
    for (const end of ends.splice(0).reverse()) await end();
  };
  try {
    const keys = await createKeys();
    const [relay, stateServer, database] = await Promise.all([startRedis(), startRedis(), createDatabase()]);
    ends.push(relay.stop, stateServer.stop, database.drop);
    const rest = await startUpstash({ redisUrl: stateServer.url });
    ends.push(rest.stop);
    const node = await startOrigin({
      node: 'n1',
      relayUrl: relay.url,
      databaseUrl: database.url,
      edgeIssuer: PUBLIC_URL,
      edgeKeys: keys.publicKeys,
    });
    ends.push(node.stop);
    const redis = new Redis(stateServer.url);
    const relayRedis = new Redis(relay.url);
    ends.push(
      () => redis.disconnect(),
      () => relayRedis.disconnect(),
    );
    const given = { HUSHWIRE_EDGE_SIGNING_KEYS: keys.signingKeys };
    const config = readConfig({ ...(await testEnv()), ...given, ...env });
    let aheadMs = 0;
    const clock = { now: () => Date.now() + aheadMs };
    const random = { id: () => randomId() };
    const signer = await createSigner(PUBLIC_URL, config.signingKeys.reveal());
    const origin = createOriginApi({
      urls: [node.internalUrl],
      signer,
      clock: { now: Date.now },
      random,
      deadlineMs: PATIENCE_MS,
    });
    const state = createUpstashState({ url: rest.url, token: rest.token, timeoutMs: PATIENCE_MS });
    const nodes = createNodes({ origin, clock });
    const limiter = createUpstashLimiter({
      ...rest,
      budgets: budgetsOf('loadtest'),
      timeoutMs: PATIENCE_MS,
      log: () => undefined,
    });
    const lifecycle = { isDraining: () => false };
    const app = await createApp(
      { state, origin, nodes, limiter, clock, random, lifecycle, log: () => undefined },
      config,
    );
    const send = (request: Request) => app.fetch(request);
    const client = new Client({ baseUrl: PUBLIC_URL, send, now: clock.now });
    const fetchApp = async (input: RequestInfo | URL, init?: RequestInit) =>
      app.fetch(new Request(input, init));
    const advance = (ms: number) => {
      aheadMs += ms;
    };
    const parts = { client, redis, databaseUrl: database.url, now: clock.now, fetch: fetchApp };
    return { ...parts, relay: relayRedis, advance, stopState: rest.stop, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
