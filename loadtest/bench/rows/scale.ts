import { setTimeout as wait } from 'node:timers/promises';
import type { Bench, Row } from '../row.ts';
import type { Running } from '../target.ts';
import { cpuSeconds } from '../usage.ts';
import { measure } from '../window.ts';
import { pairs } from './unicast.ts';

const PROCESSES = [2, 4, 8];
/** Every process must have carried some 5,000 messages before: else compiling its code is what is measured. */
const WARM_UP_PER_SECOND = 5_000;
const WARM_UP_MS_EACH = 1_000;
const IDLE_MS = 2_000;
/** The same for every number of processes: only what a further process costs by itself can change the figure. */
const PER_SECOND = 2_000;

export const SCALE: Row = {
  name: 'scale',
  title: 'The same traffic on more processes',
  about:
    '1,000 sockets spread over 2, 4 and 8 server processes, 2,000 messages a second, each to one reader on another process. Where ' +
    'every process hears every message, a delivery costs more with each of them; where it hears what its own sockets read, it does not.',
  figures: {
    cpuUs: 'CPU µs per delivery',
    redisUs: 'of it Redis',
    p50Ms: 'p50 ms',
    p99Ms: 'p99 ms',
    perSecond: 'deliveries/s',
    idlePercent: 'idle, % of a core, all',
    othersPercent: 'others, % of machine',
  },
  targets: ['hushwire', 'sio-classic', 'sio-streams', 'bare'],
  run,
};

async function run(bench: Bench) {
  const { isQuick, sizes, seconds } = bench;
  const [bytes = 200] = sizes;
  const samples = [];
  for (const processes of isQuick ? PROCESSES.slice(0, 2) : PROCESSES) {
    const running = await bench.start({ processes });
    const fleet = bench.generators(1);
    await fleet.connect(pairs(running), running.speech);
    const traffic = { perSecond: PER_SECOND, bytes, manner: { isEphemeral: false, isAcked: true } };
    const idle = await idlePercent(running);
    await fleet.start({ ...traffic, perSecond: WARM_UP_PER_SECOND });
    await wait(WARM_UP_MS_EACH * processes);
    await fleet.quiet();
    const measured = await measure({ running, fleet, traffic, copies: 1, seconds, isFirst: true });
    const figures = { ...measured.figures, idlePercent: idle };
    samples.push({ setting: `${processes} processes`, bytes, ...measured, figures });
    await fleet.stop();
    await running.stop();
  }
  return samples;
}

/** What all server processes and Redis use with their sockets silent. */
async function idlePercent({ pids, redisPid }: Running): Promise<number> {
  const all = [...pids, redisPid];
  const before = cpuSeconds(all);
  await wait(IDLE_MS);
  return ((cpuSeconds(all) - before) / (IDLE_MS / 1_000)) * 100;
}
