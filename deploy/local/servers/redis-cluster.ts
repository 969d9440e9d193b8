/**
 * A real Redis Cluster on 127.0.0.1, started by the same program as a single server and joined by the commands that
 * `redis-cli --cluster create` uses, so that no other program is needed.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { randomId } from '../../../shared/bytes.ts';
import { freePort, onFreePort } from '../ports.ts';
import type { OnSpawn } from './process.ts';
import { type RedisServer, startRedis } from './redis.ts';
import {
  type Address,
  addressOf,
  follow,
  giveSlots,
  introduce,
  promote,
  untilElected,
  untilFollowing,
} from './redis-cluster-commands.ts';
import { temporaryDirectory } from './temporary.ts';

const NODE_TIMEOUT_MS = 1_500;

export interface RedisClusterOptions {
  /** Fewer than 3 cannot agree on a failover by themselves. Default 3. */
  readonly masters?: number | undefined;
  /** Replicas of each master. Default 0. */
  readonly replicas?: number | undefined;
  /** After how long without an answer a node counts as failed. Default 1,500 ms. */
  readonly nodeTimeoutMs?: number | undefined;
  /** Whether every node keeps an append-only file, with which `restart()` begins. Default false. */
  readonly keeps?: boolean | undefined;
  readonly onSpawn?: OnSpawn | undefined;
}

export interface ClusterNode extends RedisServer, Address {}

export interface RedisCluster {
  /** URL of every node, comma-separated: what a client finds the cluster by. */
  readonly url: string;
  readonly password: string;
  /** Those that were given slots at the start, by ascending slots. */
  readonly masters: readonly ClusterNode[];
  /** `replicas[i]` are those of `masters[i]`. */
  readonly replicas: readonly (readonly ClusterNode[])[];
  /** SIGKILL. */
  kill(node: ClusterNode): Promise<void>;
  /** Starts a killed node again on its port; resolves when it answers. The new server takes the old one's place here. */
  restart(node: ClusterNode): Promise<ClusterNode>;
  /**
   * Makes a replica the master. `orderly` agrees with its master, which must live, and loses nothing; `takeover` asks
   * nobody, and what its master had not sent it is lost. Resolves when every living node sees it as the master.
   */
  failover(replica: ClusterNode, how: 'orderly' | 'takeover'): Promise<void>;
  /** Resolves when a killed master's replica was made master by the vote of the others: in about twice their timeout. */
  elected(replica: ClusterNode): Promise<void>;
  /** Resolves when every living node sees `replica` follow `master`, and it is sent every further write. */
  following(replica: ClusterNode, master: ClusterNode): Promise<void>;
  /** Ends every node and removes what they kept. */
  stop(): Promise<void>;
}

/**
 * Starts the nodes and resolves when each says `cluster_state:ok` and every replica is in step: in about 3 s, because
 * a fresh node waits 2 s before it says so. Throws an Error in plain words, and every node has ended then.
 */
export async function startRedisCluster(options: RedisClusterOptions = {}): Promise<RedisCluster> {
  const { masters: count = 3, replicas: each = 0 } = options;
  const home = await temporaryDirectory('redis-cluster');
  const launch = createLaunch(options);
  const nodes: ClusterNode[] = [];
  const stop = async () => {
    // Politely, a master waits for its replicas and a new replica for its append-only file: 10 s for what is thrown away.
    await Promise.all(nodes.map((node) => node.kill()));
    await rm(home, { recursive: true, force: true });
  };
  try {
    const starts = Array.from({ length: count * (1 + each) }, async (_, index) => {
      nodes[index] = await launch.start(join(home, String(index)));
    });
    // All of them have started or failed before anything is ended.
    await Promise.allSettled(starts);
    await Promise.all(starts);
    const masters = nodes.slice(0, count);
    const replicas = masters.map((_, i) => nodes.filter((_, j) => j >= count && j % count === i));
    await introduce(nodes);
    await giveSlots(masters, nodes);
    await Promise.all(
      masters.flatMap((master, i) => (replicas[i] ?? []).map((one) => follow(one, { master, nodes }))),
    );
    return { ...operate({ nodes, launch }), password: launch.password, masters, replicas, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Launch {
  readonly password: string;
  start(dir: string): Promise<ClusterNode>;
  again(node: ClusterNode): Promise<ClusterNode>;
}

/** How nodes start: one password for all, and each in a directory that outlives it. */
function createLaunch(options: RedisClusterOptions): Launch {
  const { nodeTimeoutMs = NODE_TIMEOUT_MS, keeps = false, onSpawn } = options;
  const password = randomId(24);
  const places = new Map<number, { readonly dir: string; readonly busPort: number }>();
  const begin = async (port: number): Promise<ClusterNode> => {
    const { dir, busPort } = places.get(port) ?? { dir: '', busPort: 0 };
    const settings = [
      ...clusterSettings({ busPort, nodeTimeoutMs, password }),
      `appendonly ${keeps ? 'yes' : 'no'}`,
    ];
    const server = await startRedis({ dir, port, password, settings, onSpawn });
    return { ...server, ...(await addressOf(server.url)), busPort };
  };
  return {
    password,
    start: (dir) =>
      onFreePort(undefined, async (port) => {
        places.set(port, { dir, busPort: await freePort() });
        return begin(port);
      }),
    again: ({ port }) => begin(port),
  };
}

interface Setting {
  readonly busPort: number;
  readonly nodeTimeoutMs: number;
  readonly password: string;
}

/** `cluster-port` (Redis 7) makes any two free ports do; without it the bus would be on the port + 10,000. */
function clusterSettings({ busPort, nodeTimeoutMs, password }: Setting): string[] {
  return [
    'cluster-enabled yes',
    'cluster-config-file nodes.conf',
    `cluster-port ${busPort}`,
    `cluster-node-timeout ${nodeTimeoutMs}`,
    // However long a replica was cut off, a test that promotes it wants it promoted.
    'cluster-replica-validity-factor 0',
    // A diskless one leaves a replica without writes for a further second.
    'repl-diskless-sync no',
    `masterauth ${password}`,
  ];
}

function operate({ nodes, launch }: { readonly nodes: ClusterNode[]; readonly launch: Launch }) {
  const dead = new Set<number>();
  const living = () => nodes.filter(({ port }) => !dead.has(port));
  return {
    url: nodes.map(({ url }) => url).join(','),
    kill: (node: ClusterNode) => {
      dead.add(node.port);
      return node.kill();
    },
    restart: async (node: ClusterNode) => {
      await node.ended;
      const again = await launch.again(node);
      nodes[nodes.findIndex(({ port }) => port === node.port)] = again;
      dead.delete(node.port);
      return again;
    },
    failover: (replica: ClusterNode, how: 'orderly' | 'takeover') =>
      promote(replica, { how, living: living() }),
    elected: (replica: ClusterNode) => untilElected(replica, living()),
    following: (replica: ClusterNode, master: ClusterNode) =>
      untilFollowing(replica, { master, nodes: living() }),
  };
}
