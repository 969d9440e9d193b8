/** What nodes of a Redis Cluster are told (Redis documentation, "Redis cluster specification" and the CLUSTER commands). */
import { askRedis, untilTrue } from './redis-ask.ts';

export const CLUSTER_SLOTS = 16_384;
/** A fresh node waits 2 s (CLUSTER_WRITABLE_DELAY), a new replica for its master's data; the rest is for a busy machine. */
const SETTLE_MS = 20_000;
/** Keys moved in one MIGRATE; bounds how long it holds both servers. */
const MIGRATE_KEYS = 100;
const MIGRATE_MS = 5_000;
/** Longer than a replica tries to come to rule in an orderly way (CLUSTER_MF_TIMEOUT, 5 s). */
const ASK_AGAIN_MS = 5_500;

export interface Address {
  readonly url: string;
  readonly port: number;
  /** The port on which nodes talk to each other. */
  readonly busPort: number;
  /** The node's name, 40 hexadecimal digits. */
  readonly id: string;
}

/** Name of the node at `url`. */
export async function addressOf(url: string): Promise<{ readonly id: string }> {
  return { id: String(await askRedis(url, 'CLUSTER', 'MYID')) };
}

/** Makes every node know all others, each with a configuration epoch of its own, so that none has to be agreed on. */
export async function introduce(nodes: readonly Address[]): Promise<void> {
  await Promise.all(nodes.map(({ url }, i) => askRedis(url, 'CLUSTER', 'SET-CONFIG-EPOCH', i + 1)));
  for (const { url } of nodes)
    for (const other of nodes)
      if (other.url !== url) await askRedis(url, 'CLUSTER', 'MEET', '127.0.0.1', other.port, other.busPort);
}

/** Gives each master an equal run of slots; resolves when every node sees all slots served and all nodes. */
export async function giveSlots(masters: readonly Address[], nodes: readonly Address[]): Promise<void> {
  const edge = (index: number) => Math.floor((index * CLUSTER_SLOTS) / masters.length);
  await Promise.all(
    masters.map(({ url }, i) => askRedis(url, 'CLUSTER', 'ADDSLOTSRANGE', edge(i), edge(i + 1) - 1)),
  );
  const isSettled = async ({ url }: Address) => {
    const info = await clusterInfo(url);
    return isOk(info) && info.includes(`cluster_known_nodes:${nodes.length}\r`);
  };
  await untilTrue(async () => (await Promise.all(nodes.map(isSettled))).every(Boolean), {
    what: 'a Redis Cluster',
    timeoutMs: SETTLE_MS,
  });
}

/** Makes `replica` follow `master`; resolves when it is sent every further write, and all of `nodes` know its place. */
export async function follow(replica: Address, { master, nodes }: Following): Promise<void> {
  await askRedis(replica.url, 'CLUSTER', 'REPLICATE', master.id);
  await untilFollowing(replica, { master, nodes });
}

export interface Following {
  readonly master: Address;
  readonly nodes: readonly Address[];
}

/**
 * Makes a replica the master of its slots; resolves when every one of `living` sees it so. `orderly` waits until it is in
 * step with its master, which must live.
 */
export async function promote(
  replica: Address,
  { how, living }: { readonly how: 'orderly' | 'takeover'; readonly living: readonly Address[] },
): Promise<void> {
  if (how === 'orderly')
    await untilFollowing(replica, { master: await masterOf(replica, living), nodes: living });
  const ask = () => askRedis(replica.url, 'CLUSTER', 'FAILOVER', ...(how === 'takeover' ? ['TAKEOVER'] : []));
  await ask();
  // A master that voted for this shard a moment ago does not vote again; the replica gives up after 5 s.
  const asking = setInterval(() => void ask().catch(() => undefined), ASK_AGAIN_MS);
  await untilElected(replica, living).finally(() => clearInterval(asking));
}

/** Cuts a replica off: it is sent nothing more, and cannot come back to its master. */
export async function cutOff(replica: Address, master: Address): Promise<void> {
  await askRedis(replica.url, 'CONFIG', 'SET', 'masterauth', 'none');
  await askRedis(master.url, 'CLIENT', 'KILL', 'TYPE', 'replica');
  const isCut = async () =>
    String(await askRedis(replica.url, 'INFO', 'replication')).includes('master_link_status:down');
  await untilTrue(isCut, { what: 'a replica that is cut off', timeoutMs: SETTLE_MS });
}

/** Lets a replica that was cut off, and rules by now, follow again when it is its turn. */
export async function letBackIn({ url }: Address, password: string): Promise<void> {
  await askRedis(url, 'CONFIG', 'SET', 'masterauth', password);
}

/** Resolves once every one of `living` takes `replica` for the master of its slots, which it becomes by their vote. */
export async function untilElected(replica: Address, living: readonly Address[]): Promise<void> {
  const isDone = async () =>
    (await isSeen(living, `${replica.id} \\S+ \\S*master .* \\d+-\\d+`)) &&
    isOk(await clusterInfo(replica.url));
  await untilTrue(isDone, { what: 'a Redis failover', timeoutMs: SETTLE_MS });
}

/** Resolves when the replica is sent every further write, and all of `nodes` know its place. */
export function untilFollowing(replica: Address, { master, nodes }: Following): Promise<void> {
  const isFollowing = async () => {
    // The master's word: a replica says "up" before the master streams to it.
    const sent = String(await askRedis(master.url, 'INFO', 'replication'));
    if (!sent.includes(`port=${replica.port},state=online`)) return false;
    return isSeen(nodes, `${replica.id} \\S+ \\S*slave ${master.id} `);
  };
  return untilTrue(isFollowing, { what: 'a Redis replica', timeoutMs: SETTLE_MS });
}

async function masterOf(replica: Address, nodes: readonly Address[]): Promise<Address> {
  const view = String(await askRedis(replica.url, 'CLUSTER', 'NODES'));
  const master = nodes.find(({ id }) => view.includes(`myself,slave ${id} `));
  if (master === undefined) throw new Error('Cannot find the master of a Redis node: it follows none');
  return master;
}

/** Whether every node's view of the cluster has a line like that. */
async function isSeen(nodes: readonly Address[], line: string): Promise<boolean> {
  const views = await Promise.all(nodes.map(({ url }) => askRedis(url, 'CLUSTER', 'NODES')));
  return views.every((view) => new RegExp(`^${line}`, 'm').test(String(view)));
}

/**
 * Moves one slot with its keys, as `redis-cli --cluster reshard` does. `onMoving` runs while the slot is open on both
 * sides and half of its keys are moved.
 */
export async function moveSlot(
  slot: number,
  { from, to, password, onMoving = async () => undefined }: SlotMove,
): Promise<void> {
  await askRedis(to.url, 'CLUSTER', 'SETSLOT', slot, 'IMPORTING', from.id);
  await askRedis(from.url, 'CLUSTER', 'SETSLOT', slot, 'MIGRATING', to.id);
  const total = Number(await askRedis(from.url, 'CLUSTER', 'COUNTKEYSINSLOT', slot));
  const move = { from, to, password };
  await moveKeys(slot, move, Math.floor(total / 2));
  await onMoving();
  while ((await moveKeys(slot, move, MIGRATE_KEYS)) > 0);
  for (const { url } of [to, from]) await askRedis(url, 'CLUSTER', 'SETSLOT', slot, 'NODE', to.id);
}

export interface SlotMove {
  readonly from: Address;
  readonly to: Address;
  readonly password: string;
  readonly onMoving?: (() => Promise<void>) | undefined;
}

async function moveKeys(slot: number, { from, to, password }: SlotMove, most: number): Promise<number> {
  const keys = (await askRedis(from.url, 'CLUSTER', 'GETKEYSINSLOT', slot, most)) as string[];
  const where = ['127.0.0.1', to.port, '', 0, MIGRATE_MS, 'AUTH', password];
  if (keys.length > 0) await askRedis(from.url, 'MIGRATE', ...where, 'KEYS', ...keys);
  return keys.length;
}

async function clusterInfo(url: string): Promise<string> {
  return String(await askRedis(url, 'CLUSTER', 'INFO'));
}

function isOk(info: string): boolean {
  return info.includes('cluster_state:ok');
}
