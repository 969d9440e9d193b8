/** Load curves: how many instances' worth of connections there are, second by second, and what befalls the group. */
export interface Load {
  readonly name: string;
  readonly hours: number;
  /** 1 fills one instance to its limit. */
  readonly connections: (minute: number) => number;
  /** Percent of processor time that one percent of connections costs; chatty people cost more. */
  readonly cpuPerConnection?: number;
  /** Share of commands the service fails. */
  readonly failing?: (minute: number) => number;
  /** Minutes at which an instance is lost without a word. */
  readonly losses?: readonly number[];
  /** Minutes in which no metric arrives. */
  readonly isSilent?: (minute: number) => boolean;
}

/** From `from` to `to` between two minutes, constant before and after. */
function slope(minute: number, [from, to]: [number, number], [begin, end]: [number, number]): number {
  const share = Math.min(1, Math.max(0, (minute - begin) / (end - begin)));
  return from + (to - from) * share;
}

const isBetween = (minute: number, from: number, to: number) => minute >= from && minute < to;

export const LOADS: readonly Load[] = [
  { name: 'ramp', hours: 3, connections: (m) => slope(m, [1.2, 6], [20, 65]) },
  { name: 'ramp of work', hours: 3, cpuPerConnection: 1.8, connections: (m) => slope(m, [0.9, 3], [20, 65]) },
  // A crowd comes within two minutes, stays for half an hour, and goes.
  {
    name: 'spike',
    hours: 5,
    connections: (m) => slope(m, [1.5, 2.6], [30, 32]) - slope(m, [0, 1.1], [62, 64]),
  },
  { name: 'daily', hours: 48, connections: (m) => 3.4 - 2.4 * Math.cos((m / 1_440) * 2 * Math.PI) },
  { name: 'waves', hours: 12, connections: (m) => 1.9 + 0.6 * Math.sin((m / 20) * 2 * Math.PI) },
  { name: 'loss of an instance', hours: 3, connections: () => 1.6, losses: [30] },
  { name: 'loss when small', hours: 3, connections: () => 0.3, losses: [30, 60] },
  {
    name: 'exodus',
    hours: 9,
    connections: (m) => slope(m, [0.3, 5], [0, 50]) - slope(m, [0, 4.8], [100, 110]),
  },
  {
    name: 'exodus while the budget burns',
    hours: 9,
    connections: (m) => slope(m, [0.3, 5], [0, 50]) - slope(m, [0, 4.8], [100, 110]),
    failing: (m) => (isBetween(m, 95, 300) ? 0.002 : 0),
  },
  {
    name: 'exodus without metrics',
    hours: 9,
    connections: (m) => slope(m, [0.3, 5], [0, 50]) - slope(m, [0, 4.8], [100, 110]),
    isSilent: (m) => isBetween(m, 95, 300),
  },
];
