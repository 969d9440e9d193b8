import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UsageError } from '../../shared/entry.ts';
import { createSay, runProgram, whole } from './command-line.ts';
import { ASKED, type AskedName, type Leg, legsOf, sumUp } from './faults/legs.ts';
import { isFound } from './faults/planted.ts';
import { PLANTS } from './faults/plants.ts';
import { type Outcome, type RunOptions, run } from './faults/run.ts';

const HELP = `npm run faults [-- <options>]

Random clients publish, publish on condition, send to mailboxes, ack, leave and resume, while a schedule kills nodes,
restarts Redis, fails the masters of a Redis Cluster over, and cuts, stalls, delays and half-closes connections; then
what clients saw is held against what is promised. Servers are real and of its own.

  --minutes <n>      how long faults go on (default 1; a fraction will do); starting, and coming to
                     the end afterwards, take up to two minutes more
  --seed <n>         repeats the schedule and the clients' choices of an earlier run (default random)
  --clients <n>      clients (default 16)
  --nodes <n>        origin nodes (default 3)
  --schedule <name>  ${ASKED.join(', ')} (default all)
                     mixed draws from those before it; failover is a Redis Cluster of three masters, each with a replica;
                     all is mixed for two thirds of the time, then failover
  --planted          plants known faults one after another in a copy of the tree, and tells which of them are found
  --help             this text

The exit code is 0 when every promise was kept and enough was accepted to show it; 1 when not; 130 when interrupted. The
last line is JSON. A failing run leaves its history, and what the nodes printed, in files, and says how to repeat it.
deploy/local/faults/README.md tells how to read it.`;

const INTERRUPTED = 130;
const SEED_MAX = 2 ** 32 - 1;

type Wanted = Omit<RunOptions, 'say' | 'signal' | 'schedule'> & { readonly schedule: AskedName };

/** `npm run faults`: resolves with the exit code. */
export function main(args: readonly string[]): Promise<number> {
  return runProgram(args, {
    help: HELP,
    options: {
      planted: { type: 'boolean', default: false },
      minutes: { type: 'string', default: '1' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * SEED_MAX)) },
      clients: { type: 'string', default: '16' },
      nodes: { type: 'string', default: '3' },
      schedule: { type: 'string', default: 'all' },
    },
    read: ({ planted, minutes, seed, clients, nodes, schedule }): Wanted | 'planted' => {
      const wanted = {
        schedule: scheduleOf(schedule),
        durationMs: durationOf(minutes),
        seed: whole('seed', seed, [0, SEED_MAX]),
        clients: whole('clients', clients, [8, 400]),
        places: whole('nodes', nodes, [1, 8]),
      };
      return planted ? 'planted' : wanted;
    },
    run: (wanted) => {
      // Node 20 sometimes spins for good in its own clean-up after sockets were cut in many ways; nothing is left to clean up.
      process.once('beforeExit', (code) => process.exit(code));
      return wanted === 'planted' ? tryPlants() : tryFaults(wanted);
    },
  });
}

function scheduleOf(text: string): AskedName {
  const schedule = ASKED.find((name) => name === text);
  if (schedule === undefined) throw new UsageError(`--schedule takes one of ${ASKED.join(', ')}`);
  return schedule;
}

function durationOf(text: string): number {
  const minutes = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || minutes <= 0 || minutes > 60)
    throw new UsageError('--minutes takes a number up to 60');
  return Math.round(minutes * 60_000);
}

async function tryFaults(wanted: Wanted): Promise<number> {
  const say = createSay();
  const interruption = new AbortController();
  const interrupt = () => interruption.abort();
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  say(`seed ${wanted.seed}, schedule ${wanted.schedule}`);
  try {
    const outcomes = await runLegs(wanted, { say, signal: interruption.signal });
    conclude(outcomes, wanted);
    if (interruption.signal.aborted) return INTERRUPTED;
    return outcomes.every(({ isWell }) => isWell) ? 0 : 1;
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

/** One after the other, also when one did not go well. */
async function runLegs(
  { schedule, durationMs, ...wanted }: Wanted,
  { say, signal }: Pick<RunOptions, 'say' | 'signal'>,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const leg of legsOf(schedule, durationMs)) {
    if (signal.aborted) break;
    say(`Schedule ${leg.schedule}, ${leg.durationMs / 1_000} s`);
    const outcome = await run({ ...wanted, ...leg, say, signal });
    if (!outcome.isWell) await keep(outcome, { ...wanted, ...leg });
    outcomes.push(outcome);
  }
  return outcomes;
}

/** Every planted fault must be found; the last line is JSON. */
async function tryPlants(): Promise<number> {
  const missed: string[] = [];
  for (const plant of PLANTS) {
    const found = await isFound(plant);
    console.log(`${found ? 'found: ' : 'MISSED:'} ${plant.name}`);
    if (!found) missed.push(plant.name);
  }
  console.log(JSON.stringify({ planted: PLANTS.length, found: PLANTS.length - missed.length, missed }));
  return missed.length === 0 ? 0 : 1;
}

function conclude(outcomes: readonly Outcome[], { seed, schedule }: Wanted): void {
  const isWell = outcomes.every((outcome) => outcome.isWell);
  const sum = (of: (outcome: Outcome) => number) => outcomes.reduce((total, one) => total + of(one), 0);
  const faults = sum((outcome) => outcome.faults);
  const happenings = sum(({ history }) => history.length);
  console.log(isWell ? 'Every promise was kept.' : 'It did NOT hold; see the counts.');
  console.log(
    JSON.stringify({ ...sumUp(outcomes.map(({ verdict }) => verdict)), faults, happenings, seed, schedule }),
  );
}

/** Writes down what happened, one JSON object a line, and says where, and how to run it again. */
async function keep({ history, lines }: Outcome, wanted: Omit<Wanted, 'schedule'> & Leg): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'hushwire-faults-'));
  const text = history.happenings.map((happening) => JSON.stringify(happening)).join('\n');
  await writeFile(join(dir, 'history.jsonl'), `${text}\n`);
  for (const [i, printed] of lines.entries())
    await writeFile(join(dir, `node-${i + 1}.log`), `${printed.join('\n')}\n`);
  const { seed, schedule, clients, places, durationMs } = wanted;
  console.log(`History: ${join(dir, 'history.jsonl')}`);
  console.log(
    `Again:   npm run faults -- --seed ${seed} --schedule ${schedule} --minutes ${durationMs / 60_000} ` +
      `--clients ${clients} --nodes ${places}`,
  );
}
