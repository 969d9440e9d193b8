import { check, type Verdict } from './checker.ts';
import { Crew } from './crew.ts';
import { History } from './history.ts';
import { createChance } from './random.ts';
import { describeFault, drawSchedule, type Fault, type ScheduleName } from './schedule.ts';
import { startWorld, type World } from './world.ts';

export interface RunOptions {
  readonly schedule: ScheduleName;
  readonly seed: number;
  readonly durationMs: number;
  readonly clients: number;
  readonly places: number;
  readonly databaseUrl?: string | undefined;
  /** Root of the tree whose code the nodes run; default this checkout. */
  readonly tree?: string | undefined;
  /** How long everybody may take to come to the end, once everything is healed. Default 40 s. */
  readonly patienceMs?: number | undefined;
  /** Told, a sentence at a time, how it goes. */
  readonly say: (sentence: string) => void;
  /** Ends the run early; what happened until then is judged. */
  readonly signal: AbortSignal;
}

export interface Outcome {
  readonly verdict: Verdict;
  readonly faults: number;
  /** Every promise was kept, and enough was accepted to show it. */
  readonly isWell: boolean;
  readonly history: History;
  /** What each node printed. */
  readonly lines: readonly (readonly string[])[];
}

/** A tenth of what is published when nothing is wrong: schedules take the relay away for a part of their time. */
const ACCEPTED_PER_SECOND = 6;
/** The same for items queued in mailboxes. */
const POSTED_PER_SECOND = 2;
const PATIENCE_MS = 40_000;
const PROGRESS_MS = 5_000;

/** One run, from nothing to the verdict; nothing it started stays. */
export async function run(options: RunOptions): Promise<Outcome> {
  const { seed, clients, places, schedule, durationMs, databaseUrl, tree, say } = options;
  const { patienceMs = PATIENCE_MS } = options;
  const chance = createChance(seed);
  const history = new History();
  const faults = drawSchedule({ name: schedule, places, durationMs, chance: chance.fork('schedule') });
  const world = await startWorld({
    places,
    carrier: schedule === 'failover' ? 'cluster' : 'server',
    history,
    chance: chance.fork('world'),
    databaseUrl,
    tree,
  });
  let crew: Crew | undefined;
  try {
    crew = new Crew({ clients, gate: world.gate, history, chance: chance.fork('crew') });
    await crew.gather();
    say(`${clients} clients are in; ${faults.length} faults in ${durationMs / 1_000} s begin`);
    crew.work();
    await inflictAll(faults, { ...options, world, crew, history });
    say('Everything is healed; what is under way is finished');
    if (!(await crew.settle(patienceMs)))
      say(`Not everybody came to the end in time: waiting for ${crew.awaited}`);
    return await judge(options, { history, faults: faults.length, world });
  } finally {
    await crew?.stop();
    await world.stop();
  }
}

interface Stage extends RunOptions {
  readonly world: World;
  readonly crew: Crew;
  readonly history: History;
}

async function inflictAll(faults: readonly Fault[], stage: Stage): Promise<void> {
  const { world, crew, history, durationMs, signal, say } = stage;
  const startedMs = performance.now();
  const elapsedMs = () => performance.now() - startedMs;
  const under: Promise<void>[] = [];
  const progress = setInterval(() => {
    say(
      `${Math.round(elapsedMs() / 1_000)} s: ${countAccepted(history)} accepted, ${history.length} happenings`,
    );
  }, PROGRESS_MS);
  for (const fault of faults) {
    await pauseUntil(fault.atMs - elapsedMs(), signal);
    if (signal.aborted || history.isFull) break;
    history.add({ kind: 'fault', what: describeFault(fault) });
    const over = fault.kind === 'trim' ? crew.flood() : world.inflict(fault);
    over.catch(() => undefined);
    under.push(over);
  }
  await pauseUntil(durationMs - elapsedMs(), signal);
  await Promise.all(under).finally(() => clearInterval(progress));
}

async function judge(
  { durationMs, signal, say }: RunOptions,
  { history, faults, world }: { history: History; faults: number; world: World },
): Promise<Outcome> {
  const verdict = check(history.happenings, await world.shards());
  const least = (perSecond: number) => (signal.aborted ? 0 : Math.floor((durationMs / 1_000) * perSecond));
  const wanted = { accepted: least(ACCEPTED_PER_SECOND), posted: least(POSTED_PER_SECOND) };
  for (const sentence of verdict.sentences) say(sentence);
  const { posted } = verdict.mail;
  const isEnough = verdict.accepted >= wanted.accepted && posted >= wanted.posted;
  if (!isEnough)
    say(
      `Only ${verdict.accepted} of at least ${wanted.accepted} publications were accepted, ` +
        `and ${posted} of at least ${wanted.posted} items`,
    );
  const isWell = verdict.isClean && isEnough && !history.isFull;
  return { verdict, faults, isWell, history, lines: world.places.map((place) => place.lines()) };
}

function countAccepted({ happenings }: History): number {
  return happenings.reduce((count, { kind }) => count + Number(kind === 'accepted'), 0);
}

async function pauseUntil(ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0 || signal.aborted) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
