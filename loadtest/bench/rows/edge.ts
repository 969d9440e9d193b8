import type { Bench, Row } from '../row.ts';
import { measure } from '../window.ts';
import { pairs } from './unicast.ts';

const PER_SECOND = 2_000;

export const EDGE: Row = {
  name: 'edge',
  title: 'Sockets that pass through the edge',
  about:
    '1,000 sockets on two nodes, 2,000 logged messages a second, each to one reader on the other node: the clients connected to the ' +
    "nodes, and then all of them through one edge process (Deno). CPU is summed over the nodes, Redis and, with it, the edge's.",
  figures: {
    cpuUs: 'CPU µs per delivery',
    redisUs: 'of it Redis',
    p50Ms: 'p50 ms',
    p99Ms: 'p99 ms',
    p999Ms: 'p99.9 ms',
    perSecond: 'deliveries/s',
    othersPercent: 'others, % of machine',
  },
  targets: ['hushwire'],
  run: async (bench) => [...(await runOne(bench, false)), ...(await runOne(bench, true))],
};

async function runOne({ sizes, seconds, start, generators }: Bench, isThrough: boolean) {
  const running = await start({ processes: 2, hasEdge: isThrough });
  const { edge } = running;
  const fleet = generators(1);
  const peers = pairs(running).map((peer, i) =>
    edge === undefined ? peer : { ...peer, url: edge.url, node: `n${(i % 2) + 1}` },
  );
  await fleet.connect(peers, running.speech);
  const measured = { ...running, pids: edge === undefined ? running.pids : [...running.pids, edge.pid] };
  const samples = [];
  for (const bytes of sizes) {
    const traffic = { perSecond: PER_SECOND, bytes, manner: { isEphemeral: false, isAcked: true } };
    const isFirst = samples.length === 0;
    const window = await measure({ running: measured, fleet, traffic, copies: 1, seconds, isFirst });
    samples.push({ setting: isThrough ? 'through the edge' : 'direct', bytes, ...window });
  }
  return samples;
}
