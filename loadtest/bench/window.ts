/**
 * One measured window of traffic: what arrived, what it cost, and whether the figures may be believed. What other programs
 * used of the machine meanwhile is told beside the figures, since it makes latencies longer for everybody.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { Fleet, Reckoning } from './fleet.ts';
import type { Traffic } from './orders.ts';
import type { Running } from './target.ts';
import { cpuSeconds, machineTime } from './usage.ts';

export interface Window {
  readonly running: Running;
  readonly fleet: Fleet;
  readonly traffic: Traffic;
  /** Deliveries that one message makes. */
  readonly copies: number;
  readonly seconds: number;
  readonly isFirst: boolean;
}

export interface Measured {
  readonly figures: Readonly<Record<string, number>>;
  readonly invalid?: string;
}

/** Long enough for compilers and caches, and for the rate to be even. */
const WARM_UP_MS = 1_500;
/** Before the first window of a server's life, when all of its code is still to be compiled. */
const FIRST_WARM_UP_MS = 4_000;
/** What a saturated server still has to deliver must not spoil the next window. */
const SETTLE_STEP_MS = 500;
const SETTLE_STEPS_MAX = 16;
/** A generator beyond these may be what was measured. */
const GENERATOR_CPU_MAX = 0.85;
const LOOP_DELAY_MAX_MS = 60;
const RATE_MIN = 0.97;
/** More arriving than was sent: then neither cost nor latency belongs to this window. */
const BACKLOG_MAX = 1.1;

/** Sends for a while, measures a window in the middle, and waits until everything has arrived. */
export async function measure({
  running,
  fleet,
  traffic,
  copies,
  seconds,
  isFirst,
}: Window): Promise<Measured> {
  const pids = [...running.pids, running.redisPid];
  await fleet.start(traffic);
  await wait(isFirst ? FIRST_WARM_UP_MS : WARM_UP_MS);
  await fleet.mark();
  const before = { cpu: cpuSeconds(pids), redis: cpuSeconds([running.redisPid]), machine: machineTime() };
  const startedMs = performance.now();
  await wait(seconds * 1_000);
  const own = (performance.now() - startedMs) / 1_000;
  const cpu = cpuSeconds(pids) - before.cpu;
  const redis = cpuSeconds([running.redisPid]) - before.redis;
  const machine = machineTime();
  const reading = await fleet.read();
  await fleet.quiet();
  await settle(fleet);
  const busy = machine.busySeconds - before.machine.busySeconds;
  const foreign = (busy - cpu - reading.cpuSum * own) / (machine.totalSeconds - before.machine.totalSeconds);
  const invalid = reasonAgainst(reading, { wanted: traffic.perSecond * own, copies });
  return {
    figures: {
      cpuUs: (cpu / reading.received) * 1e6,
      redisUs: (redis / reading.received) * 1e6,
      p50Ms: reading.latencies.quantileMs(0.5),
      p99Ms: reading.latencies.quantileMs(0.99),
      p999Ms: reading.latencies.quantileMs(0.999),
      perSecond: reading.received / own,
      generatorCpu: reading.cpu * 100,
      othersPercent: Math.max(0, foreign * 100),
    },
    ...(invalid === undefined ? {} : { invalid }),
  };
}

/** Until nothing more arrives. */
async function settle(fleet: Fleet): Promise<void> {
  let before = -1;
  for (let step = 0; step < SETTLE_STEPS_MAX; step += 1) {
    await wait(SETTLE_STEP_MS);
    const { received } = await fleet.read();
    if (received === before) return;
    before = received;
  }
}

interface Against {
  readonly wanted: number;
  readonly copies: number;
}

function reasonAgainst(reading: Reckoning, { wanted, copies }: Against): string | undefined {
  if (reading.cpu > GENERATOR_CPU_MAX) return `the generator used ${percent(reading.cpu)} of a core`;
  if (reading.loopDelayP99Ms > LOOP_DELAY_MAX_MS)
    return `the generator's event loop was ${reading.loopDelayP99Ms.toFixed(0)} ms late`;
  if (reading.sent < wanted * RATE_MIN)
    return `the generator sent ${percent(reading.sent / wanted)} of the rate`;
  if (reading.refused > 0) return `${reading.refused} messages were refused`;
  const share = reading.received / (reading.sent * copies);
  if (share > BACKLOG_MAX) return 'what had piled up before the window arrived within it';
  return share < RATE_MIN ? `${percent(share)} of what was sent arrived in time: saturated` : undefined;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
