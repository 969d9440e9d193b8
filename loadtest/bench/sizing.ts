/** SIZING.md: what measured figures mean for an operator. Arithmetic over a run's cases, with every assumption written out. */

import type { Case, Figure } from './report.ts';
import type { Results } from './results.ts';
import { alignTable, show } from './table.ts';

/** What one node process and Redis need for one thing, as measured. */
export interface Costs {
  /** Of a logged message to one reader on another node: nodes and Redis together, µs. */
  readonly messageUs: number;
  /** Of it Redis, µs. */
  readonly redisUs: number;
  /** Of each further delivery of the same message, µs. */
  readonly deliveryUs: number;
  readonly connectUs: number;
  readonly socketKib: number;
  readonly redisSocketKib: number;
  readonly nodeMib: number;
}

/** A load that a service has; users are connected ones. */
export interface Load {
  readonly users: number;
  /** Messages a second of one user. */
  readonly perUser: number;
  /** Readers of a message that are connected. */
  readonly readers: number;
}

export interface Need {
  readonly messages: number;
  readonly deliveries: number;
  /** Node processes, one a core. */
  readonly nodes: number;
  readonly memoryGib: number;
  /** Share of one core. */
  readonly redis: number;
  readonly redisServers: number;
}

/** A node is full at this share of its core: beyond it, waiting grows faster than work. */
const NODE_USE = 0.6;
const REDIS_USE = 0.6;
/** Sockets of one node, so that those of a dead one are back within 15 s (protocol.md, "Limits"). */
const SOCKETS_PER_NODE = 10_000;
/** One node more than is needed, so that one may die or be replaced. */
const SPARE_NODES = 1;

const LOADS: readonly Load[] = [1_000, 10_000, 100_000, 1_000_000].flatMap((users) => [
  { users, perUser: 1 / 60, readers: 10 },
  { users, perUser: 1 / 10, readers: 10 },
]);

/** What a load needs. */
export function needOf({ users, perUser, readers }: Load, costs: Costs): Need {
  const messages = users * perUser;
  // Half of a message's work in nodes is its reader's; a reader on a node where others read it too costs less.
  const nodeUs = (costs.messageUs - costs.redisUs) * (1 + (readers - 1) / 2);
  const cores = (messages * nodeUs) / 1e6;
  const nodes = Math.max(Math.ceil(cores / NODE_USE), Math.ceil(users / SOCKETS_PER_NODE)) + SPARE_NODES;
  const redis = (messages * costs.redisUs) / 1e6;
  return {
    messages,
    deliveries: messages * readers,
    nodes,
    memoryGib: (users * costs.socketKib) / 1_024 ** 2 + (nodes * costs.nodeMib) / 1_024,
    redis,
    redisServers: Math.max(1, Math.ceil(redis / REDIS_USE)),
  };
}

/** The page; undefined when the run lacks a figure it needs. */
export function sizingOf(results: Results, cases: readonly Case[]): string | undefined {
  const costs = costsOf(cases);
  if (costs === undefined) return undefined;
  return `${[
    '# How large a deployment must be',
    'Made by the program from the run of [RESULTS.md](RESULTS.md); do not edit.',
    `Measured ${results.date} on ${results.machine}, commit ${results.commit}, 200 characters a message. Another core is faster or slower by some ` +
      'factor: run `npm run bench -- relay --out <directory>` on yours, and this page is made anew.',
    '## What one thing costs',
    costTable(costs),
    '## What a service needs',
    `Connected users, each with one socket. A node process is filled to ${NODE_USE * 100} % of its core and to ${SOCKETS_PER_NODE.toLocaleString('en')} sockets, one more than ` +
      `needed is there to spare; a Redis is filled to ${REDIS_USE * 100} % of its one core. A message has 10 connected readers, each on a node of its own, which is the dearest case. CPU is that of the highest rate measured, where messages travel in batches: at low rates each costs more, but then there are few. What Redis needs for announcing one message to several nodes was not measured. ` +
      'Memory is that of the nodes.',
    needTable(costs),
    `Memory for 100,000 users: ${show((100_000 * costs.socketKib) / 1_024 ** 2)} GiB for sockets, ${show(costs.nodeMib)} MiB for each node process besides, and ` +
      `${show((100_000 * costs.redisSocketKib) / 1_024)} MiB in Redis for their subscriptions.`,
    '## When to shard Redis',
    `One Redis takes ${show((REDIS_USE * 1e6) / costs.redisUs)} logged messages a second at ${REDIS_USE * 100} % of a core. Beyond that, use a Cluster: keys and announcements lie in 64 ` +
      'partitions that spread evenly over its masters, so that capacity grows with them, up to 64. Logs take memory besides: at most 1,000 ' +
      'messages or 4 MiB for each channel that was written to within its retention.',
    '## More nodes',
    'The same traffic (1,000 sockets, 2,000 messages a second) over more processes, all of them on this one machine. A node subscribes to what its own ' +
      'sockets read and to nothing else, and so does the floor: what makes a delivery dearer for these two as processes come to ' +
      'outnumber cores is that fewer messages travel together and every message wakes processes of its own. Only the ' +
      "growth beyond the floor's is the price of what a node does besides. Where every process hears every message, as with " +
      'Socket.IO, that work is added for each of them. Nodes on cores of their own were not measured.',
    scaleTable(cases),
  ].join('\n\n')}\n`;
}

/** The figures of the highest rate and the smallest message; undefined when one was not measured. */
export function costsOf(cases: readonly Case[]): Costs | undefined {
  const unicast = figuresOf(cases, 'unicast');
  const fanOut = figuresOf(cases, 'fan-out');
  const idle = figuresOf(cases, 'idle');
  const connect = figuresOf(cases, 'connect');
  if (!unicast || !fanOut || !idle || !connect) return undefined;
  const median = (figures: Readonly<Record<string, Figure>>, name: string) =>
    figures[name]?.median ?? Number.NaN;
  return {
    messageUs: median(unicast, 'cpuUs'),
    redisUs: median(unicast, 'redisUs'),
    deliveryUs: median(fanOut, 'cpuUs'),
    connectUs: median(connect, 'cpuUs'),
    socketKib: median(idle, 'kib'),
    redisSocketKib: median(idle, 'redisKib'),
    nodeMib: median(idle, 'beforeMib'),
  };
}

function figuresOf(cases: readonly Case[], row: string) {
  const valid = cases
    .filter((one) => one.row === row && one.bytes <= 200)
    .flatMap(({ entries }) => entries)
    .filter(({ target, invalid }) => target === 'hushwire' && invalid === undefined);
  return valid.at(-1)?.figures;
}

function costTable(costs: Costs): string {
  return alignTable([
    ['what', 'cost'],
    [
      'a logged message to one reader on another node, CPU of both nodes',
      `${show(costs.messageUs - costs.redisUs)} µs`,
    ],
    ['the same, CPU of Redis', `${show(costs.redisUs)} µs`],
    ['each delivery of a message with 500 readers on a node, all included', `${show(costs.deliveryUs)} µs`],
    ['a connection: two signatures, a redeemed ticket, one channel', `${show(costs.connectUs)} µs`],
    ['an idle socket', `${show(costs.socketKib)} KiB`],
    ['a node process without sockets', `${show(costs.nodeMib)} MiB`],
  ]);
}

function needTable(costs: Costs): string {
  const lines = LOADS.map((load) => {
    const need = needOf(load, costs);
    return [
      load.users.toLocaleString('en'),
      `one every ${Math.round(1 / load.perUser)} s`,
      show(need.messages),
      show(need.deliveries),
      String(need.nodes),
      `${show(need.memoryGib)} GiB`,
      `${show(need.redis * 100)} %`,
      String(need.redisServers),
    ];
  });
  const head = [
    'users',
    'messages of each',
    'messages/s',
    'deliveries/s',
    'nodes',
    'memory',
    'Redis',
    'masters',
  ];
  return alignTable([head, ...lines]);
}

function scaleTable(cases: readonly Case[]): string {
  const own = cases.filter(({ row }) => row === 'scale');
  const lines = own.map(({ setting, entries }) => {
    const cell = (name: string) => {
      const entry = entries.find(({ target, invalid }) => target === name && invalid === undefined);
      return entry === undefined ? '–' : show(entry.figures.cpuUs?.median ?? Number.NaN);
    };
    return [setting, cell('hushwire'), cell('sio-classic'), cell('sio-streams'), cell('bare')];
  });
  return alignTable([
    ['CPU µs per delivery', 'Hushwire', 'Socket.IO, Redis', 'Socket.IO, Streams', 'bare'],
    ...lines,
  ]);
}
