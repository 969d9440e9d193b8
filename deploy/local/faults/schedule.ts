import type { Direction } from './lane.ts';
import type { Chance } from './random.ts';

/** What can be drawn on one Redis; `mixed` draws from all the others. `failover` is for a Cluster. */
export const SCHEDULES = [
  ...(['nodes', 'relay', 'clients', 'redis', 'database', 'trim', 'mixed'] as const),
  'failover',
] as const;
export type ScheduleName = (typeof SCHEDULES)[number];
type Drawing = Exclude<ScheduleName, 'mixed'>;

/** Servers of a Cluster, each with one replica. */
export const SHARDS = 3;
/**
 * How a replica comes to rule: as agreed with its master · by the vote of the others, once that was killed · over all
 * that its master accepted after the replica was cut off · the same, for one that has just been master itself.
 */
export const FAILOVERS = ['orderly', 'elected', 'lossy', 'back'] as const;
export type FailoverHow = (typeof FAILOVERS)[number];

/** Between whom bytes are held up. */
export type Way = 'relay' | 'clients' | 'database';
export type WayFault =
  | { readonly how: 'cut' }
  | { readonly how: 'refuse' }
  | { readonly how: 'stall'; readonly direction: Direction | undefined }
  | { readonly how: 'delay'; readonly ms: number; readonly direction: Direction | undefined }
  | { readonly how: 'half-close'; readonly direction: Direction };

/** One fault. `forMs` is how long it lasts; what is healed by then is healed at once. */
export type Fault = { readonly atMs: number; readonly forMs: number } & (
  | { readonly kind: 'crash'; readonly place: number }
  | ({ readonly kind: 'way'; readonly way: Way; readonly place: number } & WayFault)
  | { readonly kind: 'restart'; readonly cutBytes: number }
  | { readonly kind: 'failover'; readonly shard: number; readonly how: FailoverHow }
  | { readonly kind: 'trim' }
);
/** What only the relay itself can bring about. */
export type StoreFault = Extract<Fault, { kind: 'restart' | 'failover' }>;
type Drawn = Fault extends infer F ? (F extends Fault ? Omit<F, 'atMs'> : never) : never;

export interface ScheduleOptions {
  readonly name: ScheduleName;
  readonly places: number;
  readonly durationMs: number;
  readonly chance: Chance;
}

/** From one fault to the next: often enough that they overlap. */
const EVERY_MS = [150, 1_200] as const;
/** The same for those after which a process must start: there must be time to accept something in between. */
const EVERY_LIFE_MS = [1_500, 4_000] as const;
/** Before the first one, so that there is something to lose. */
const FIRST_MS = 300;
/** Longer than a node waits for an answer of its relay, so that it gives the connection up. */
const STALL_MS = [100, 4_500] as const;
const SHORT_MS = [50, 1_200] as const;
/** What a store that flushes every second may lose of its newest bytes: up to a few dozen messages here. */
const CUT_MAX_BYTES = 24_000;

/** The faults of one run, earliest first; the same chance draws the same. */
export function drawSchedule({ name, places, durationMs, chance }: ScheduleOptions): Fault[] {
  const faults: Fault[] = [];
  const [least, most] = ['nodes', 'redis', 'trim'].includes(name) ? EVERY_LIFE_MS : EVERY_MS;
  for (let atMs = FIRST_MS; atMs < durationMs; atMs += chance.between(least, most)) {
    const one = drawName(name, chance);
    faults.push({ atMs, ...DRAW[one](chance, places) });
  }
  return faults;
}

/** One line for people. */
export function describeFault(fault: Fault): string {
  const { atMs, forMs, kind, ...rest } = fault;
  const details = Object.entries(rest).flatMap(([name, value]) =>
    value === undefined ? [] : `${name} ${value}`,
  );
  return [kind, ...details, `${forMs} ms`].join(', ');
}

const MIXED: readonly Drawing[] = [
  ...(['relay', 'relay', 'relay', 'clients', 'clients', 'clients'] as const),
  ...(['nodes', 'redis', 'database'] as const),
];
/** A failover takes seconds, and one follows the other; meanwhile clients and nodes have troubles of their own. */
const AROUND_FAILOVERS: readonly Drawing[] = ['failover', 'failover', 'clients', 'clients', 'nodes'];

function drawName(name: ScheduleName, chance: Chance): Drawing {
  if (name === 'failover') return chance.pick(AROUND_FAILOVERS);
  if (name !== 'mixed') return name;
  return chance.once(40) ? 'trim' : chance.pick(MIXED);
}

const DRAW: Readonly<Record<Drawing, (chance: Chance, places: number) => Drawn>> = {
  nodes: (chance, places) => ({
    kind: 'crash',
    place: placeOf(chance, places),
    forMs: chance.between(...SHORT_MS),
  }),
  relay: (chance, places) => drawWay('relay', chance, places),
  clients: (chance, places) => drawWay('clients', chance, places),
  database: (chance, places) => drawWay('database', chance, places),
  redis: (chance) => ({
    kind: 'restart',
    forMs: chance.between(...SHORT_MS),
    cutBytes: chance.once(2) ? chance.between(1, CUT_MAX_BYTES) : 0,
  }),
  failover: (chance) => ({
    kind: 'failover',
    shard: chance.between(0, SHARDS - 1),
    how: chance.pick(FAILOVERS),
    forMs: chance.between(...SHORT_MS),
  }),
  trim: () => ({ kind: 'trim', forMs: 0 }),
};

function drawWay(way: Way, chance: Chance, places: number): Drawn {
  const place = placeOf(chance, places);
  const fault = drawWayFault(chance);
  const [least, most] = fault.how === 'stall' ? STALL_MS : SHORT_MS;
  const forMs = chance.between(least, most);
  return { kind: 'way', way, place, forMs, ...fault };
}

function drawWayFault(chance: Chance): WayFault {
  const direction = chance.pick(['up', 'down', undefined] as const);
  const how = chance.pick(['cut', 'refuse', 'stall', 'stall', 'delay', 'half-close'] as const);
  switch (how) {
    case 'stall':
      return { how, direction };
    case 'delay':
      return { how, direction, ms: chance.between(5, 250) };
    case 'half-close':
      return { how, direction: chance.pick(['up', 'down'] as const) };
    default:
      return { how };
  }
}

function placeOf(chance: Chance, places: number): number {
  return chance.between(0, places - 1);
}
