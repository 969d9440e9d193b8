import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { startPostgres } from '../servers/postgres.ts';
import { temporaryDirectory } from '../servers/temporary.ts';
import { startCluster } from './cluster.ts';
import { Gate } from './gate.ts';
import type { History } from './history.ts';
import { type Place, startPlace } from './place.ts';
import type { Chance } from './random.ts';
import type { Fault } from './schedule.ts';
import { type Store, startStore } from './store.ts';
import { pause } from './wire.ts';

export interface WorldOptions {
  readonly places: number;
  readonly carrier: 'server' | 'cluster';
  readonly history: History;
  readonly chance: Chance;
  /** A database to use; absent: a PostgreSQL of its own. */
  readonly databaseUrl?: string | undefined;
  /** Root of the tree whose code the nodes run; default this checkout. */
  readonly tree?: string | undefined;
}

/** Real servers in processes of their own, and every way between them in our hands. */
export interface World {
  readonly gate: Gate;
  readonly places: readonly Place[];
  readonly shards: Store['shards'];
  /** Brings a fault about; resolves when it is over. Never rejects for what the fault itself does. */
  inflict(fault: Exclude<Fault, { kind: 'trim' }>): Promise<void>;
  stop(): Promise<void>;
}

/** Starts it; whatever happens on the way, nothing that was started stays. */
export async function startWorld({
  places: count,
  carrier,
  history,
  chance,
  databaseUrl,
  tree,
}: WorldOptions): Promise<World> {
  const home = await temporaryDirectory('faults');
  const stops: (() => unknown)[] = [() => rm(home, { recursive: true, force: true })];
  const stop = async () => {
    for (const end of stops.splice(0).reverse()) await end();
  };
  try {
    const database = databaseUrl === undefined ? await startPostgres() : undefined;
    if (database !== undefined) stops.push(() => database.stop());
    const store = await (carrier === 'server'
      ? startStore(join(home, 'redis'), history)
      : startCluster(history));
    stops.push(() => store.stop());
    const urls: string[] = [];
    const gate = await Gate.create({ origins: () => urls, chance });
    const start = (i: number) =>
      startPlace({
        name: `node-${i + 1}`,
        publicKeys: gate.publicKeys,
        relayUrl: store.url,
        tree,
        databaseUrl: database?.url ?? databaseUrl ?? '',
      });
    const started = await Promise.allSettled(Array.from({ length: count }, (_, i) => start(i)));
    const places = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    stops.push(() => Promise.all(places.map((place) => place.stop())));
    for (const one of started) if (one.status === 'rejected') throw one.reason;
    urls.push(...places.map(({ url }) => url));
    return { gate, places, shards: store.shards, inflict: inflictor(places, store), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function inflictor(places: readonly Place[], store: Store): World['inflict'] {
  return (fault) => {
    switch (fault.kind) {
      case 'crash':
        return places[fault.place]?.crash(fault.forMs) ?? Promise.resolve();
      case 'restart':
      case 'failover':
        return store.inflict(fault);
      case 'way':
        return disturb(fault, places);
    }
  };
}

async function disturb(fault: Extract<Fault, { kind: 'way' }>, places: readonly Place[]): Promise<void> {
  const proxy = places[fault.place]?.proxies[fault.way];
  if (proxy === undefined) return;
  switch (fault.how) {
    case 'cut':
      return proxy.cut();
    case 'half-close':
      return proxy.halfClose(fault.direction);
    case 'refuse':
      proxy.refuse();
      proxy.cut();
      break;
    case 'stall':
      proxy.stall(fault.direction);
      break;
    case 'delay':
      proxy.delay(fault.ms, fault.direction);
  }
  await pause(fault.forMs);
  proxy.heal();
}
