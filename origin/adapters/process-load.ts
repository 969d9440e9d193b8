import { totalmem } from 'node:os';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import type { Load } from '../health.ts';

/** How often the event loop's lateness is sampled. */
const RESOLUTION_MS = 20;
/** Long enough that one collection pause does not show in the percentile, short enough that relief shows soon. */
const WINDOW_MS = 10_000;
/** What is left to the system, and to the next process's share of it. */
const MEMORY_SHARE = 0.9;

export interface ProcessLoad {
  read(): Load;
  /** Share of the last window the event loop was busy, 0 to 1. */
  utilization(): number;
  stop(): void;
}

/**
 * Watches how busy this process is. Lag is the 99th percentile of the last whole window of 10 s (of the running one
 * until then), and zero while there is no sample.
 */
export function watchLoad(): ProcessLoad {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delays.enable();
  let lagMs: number | undefined;
  let before = performance.eventLoopUtilization();
  let utilization: number | undefined;
  const timer = setInterval(() => {
    lagMs = lagOf(delays);
    delays.reset();
    const now = performance.eventLoopUtilization();
    utilization = performance.eventLoopUtilization(now, before).utilization;
    before = now;
  }, WINDOW_MS);
  timer.unref();
  return {
    read: () => ({ eventLoopLagMs: lagMs ?? lagOf(delays), residentBytes: process.memoryUsage.rss() }),
    utilization: () => utilization ?? performance.eventLoopUtilization(before).utilization,
    stop: () => {
      clearInterval(timer);
      delays.disable();
    },
  };
}

/** Nine tenths of the memory this process may have: the container's limit where there is one, else the machine's. */
export function memoryLimitBytes(): number {
  const total = totalmem();
  const constrained = process.constrainedMemory();
  const allowed = constrained > 0 ? Math.min(constrained, total) : total;
  return Math.floor(allowed * MEMORY_SHARE);
}

/** The histogram holds the time between samples, in nanoseconds; lag is what exceeds the asked pause. */
function lagOf(delays: ReturnType<typeof monitorEventLoopDelay>): number {
  return delays.count === 0 ? 0 : Math.max(0, delays.percentile(99) / 1e6 - RESOLUTION_MS);
}
