import { readFileSync } from 'node:fs';

/** What is to be seen of a run, once a second. Undefined: not known (yet), or not on this system. */
export interface Sample {
  /** Seconds since the run began. */
  readonly atS: number;
  readonly sockets: number | undefined;
  readonly accepted: number | undefined;
  readonly realtimeP95Ms: number | undefined;
  readonly apiP95Ms: number | undefined;
  readonly lagP95Ms: number | undefined;
  readonly refused: number | undefined;
  /** Cores k6 used since the last sample, and the share of all cores that anybody used. */
  readonly generatorCores: number | undefined;
  readonly machineBusy: number | undefined;
}

export interface WatchOptions {
  readonly pid: number;
  readonly apiPort: number;
  readonly onSample: (sample: Sample) => void;
}

const EVERY_MS = 1_000;
/** Kernel ticks in a second: `getconf CLK_TCK` says 100 on every Linux Node runs on. */
const TICKS = 100;

/** Looks once a second until the returned function is called. */
export function watch({ pid, apiPort, onSample }: WatchOptions): () => void {
  const startMs = performance.now();
  let last = { atMs: startMs, process: processTicks(pid), machine: machineTicks() };
  const look = async () => {
    const figures = await askK6(apiPort);
    const now = { atMs: performance.now(), process: processTicks(pid), machine: machineTicks() };
    const s = (now.atMs - last.atMs) / 1_000;
    onSample({
      atS: (now.atMs - startMs) / 1_000,
      sockets: figures?.sockets_opened?.count,
      accepted: figures?.accepted?.count,
      realtimeP95Ms: figures?.realtime_ms?.['p(95)'],
      apiP95Ms: figures?.api_ms?.['p(95)'],
      lagP95Ms: figures?.generator_lag_ms?.['p(95)'],
      refused: figures?.refused?.count,
      generatorCores:
        now.process === undefined || last.process === undefined
          ? undefined
          : (now.process - last.process) / TICKS / s,
      machineBusy: busyBetween(last.machine, now.machine),
    });
    last = now;
  };
  let isLooking = false;
  const timer = setInterval(() => {
    if (isLooking) return;
    isLooking = true;
    look().finally(() => {
      isLooking = false;
    });
  }, EVERY_MS);
  return () => clearInterval(timer);
}

type Figures = Readonly<Record<string, Readonly<Record<string, number>> | undefined>>;

async function askK6(port: number): Promise<Figures | undefined> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/v1/metrics`, { signal: AbortSignal.timeout(2_000) });
    const { data } = (await answer.json()) as {
      data: { id: string; attributes: { sample: Record<string, number> } }[];
    };
    return Object.fromEntries(data.map(({ id, attributes }) => [id, attributes.sample]));
  } catch {
    return undefined; // It starts, or it is busy: the next look will tell.
  }
}

function processTicks(pid: number): number | undefined {
  const fields = read(`/proc/${pid}/stat`)
    ?.replace(/^.*\) /, '')
    .split(' ');
  return fields === undefined ? undefined : Number(fields[11]) + Number(fields[12]);
}

interface Ticks {
  readonly all: number;
  readonly idle: number;
}

function machineTicks(): Ticks | undefined {
  const fields = read('/proc/stat')?.split('\n')[0]?.split(/\s+/).slice(1).map(Number);
  if (fields === undefined) return undefined;
  return { all: fields.reduce((sum, ticks) => sum + ticks, 0), idle: (fields[3] ?? 0) + (fields[4] ?? 0) };
}

function busyBetween(before: Ticks | undefined, after: Ticks | undefined): number | undefined {
  if (before === undefined || after === undefined || after.all === before.all) return undefined;
  return 1 - (after.idle - before.idle) / (after.all - before.all);
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // Another system than Linux, or the process has ended.
  }
}
