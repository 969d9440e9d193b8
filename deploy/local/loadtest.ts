import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { cpus, platform, release, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { createSay, runProgram, type Say } from './command-line.ts';
import { HELP, OPTIONS, readWanted, type Wanted } from './loadtest/arguments.ts';
import { findK6, HOW_TO_GET_K6, startK6 } from './loadtest/k6.ts';
import { renderReport } from './loadtest/report.ts';
import { exitCode, judge, type Summary, type Verdict } from './loadtest/verdict.ts';
import { type Sample, watch } from './loadtest/watch.ts';
import { freePort } from './ports.ts';
import { type Fleet, startFleet } from './roll/fleet.ts';
import { CHECKOUT } from './servers/checkout.ts';

const COULD_NOT_BEGIN = 2;
const INTERRUPTED = 130;
/** Nodes of its own stack move their sockets over so long: quick, but not all at once. */
const WINDOW_MS = 10_000;
/** A line of progress each. */
const SAY_EVERY = 10;

/** `npm run loadtest`: resolves with the exit code. */
export function main(args: readonly string[]): Promise<number> {
  return runProgram(args, {
    help: HELP,
    options: OPTIONS,
    takesWords: true,
    read: readWanted,
    run: runScenario,
  });
}

async function runScenario(wanted: Wanted): Promise<number> {
  const program = findK6();
  if (program === undefined) {
    console.error(HOW_TO_GET_K6);
    return COULD_NOT_BEGIN;
  }
  const say = createSay();
  const interruption = new AbortController();
  const interrupt = () => interruption.abort();
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  let fleet: Fleet | undefined;
  try {
    if (wanted.edge === undefined)
      fleet = await startFleet({ nodes: wanted.nodes, windowMs: WINDOW_MS, say });
    const edge = wanted.edge ?? fleet?.edgeUrl ?? '';
    const profile = await readProfile(edge);
    if (profile === undefined) {
      console.error(`Nobody answers at ${edge}/healthz; --edge takes the URL clients use`);
      return COULD_NOT_BEGIN;
    }
    return await run({ wanted, program, edge, profile, fleet, say, signal: interruption.signal });
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
    await fleet?.stop();
  }
}

interface Run {
  readonly wanted: Wanted;
  readonly program: string;
  readonly edge: string;
  readonly profile: string;
  readonly fleet: Fleet | undefined;
  readonly say: Say;
  readonly signal: AbortSignal;
}

async function run(given: Run): Promise<number> {
  const { wanted, profile, say, signal } = given;
  const { scenario } = wanted;
  const out = resolve(wanted.out ?? join('.hushwire', 'loadtest', `${stamp()}-${scenario.name}`));
  await mkdir(out, { recursive: true });
  say(`${scenario.name}: ${scenario.about}; limit profile of the edge: ${profile}`);
  const { samples, lines } = await drive(given, join(out, 'summary.json'));
  const summary = await readSummary(join(out, 'summary.json'));
  const verdict = judge(summary, signal.aborted);
  await write(out, { given, samples, lines, summary, verdict });
  console.log(lines.join('\n'));
  for (const reason of verdict.reasons) console.log(`${reason}.`);
  console.log(`Report: ${join(out, 'report.html')}`);
  const { is, limits } = verdict;
  console.log(JSON.stringify({ scenario: scenario.name, is, limitProfile: profile, limits, out }));
  return signal.aborted ? INTERRUPTED : exitCode(verdict);
}

/** Runs k6 to its end, tells how it goes, and does to the stack what the scenario is about. */
async function drive(given: Run, file: string): Promise<{ samples: Sample[]; lines: string[] }> {
  const { wanted, program, edge, say, signal } = given;
  const script = join(CHECKOUT, 'loadtest', `${wanted.scenario.name}.ts`);
  const env = { ...wanted.env, EDGE_URL: edge, SUMMARY: file };
  const lines: string[] = [];
  const samples: Sample[] = [];
  const apiPort = await freePort();
  const event = createEvent(given);
  const k6 = startK6({ program, script, env, apiPort }, (line) => {
    if (/^COUNTS FROM NOW/.test(line) || line.includes('COUNTS FROM NOW')) event.begin();
    else lines.push(line);
  });
  const stopWatching = watch({
    pid: k6.pid ?? 0,
    apiPort,
    onSample: (sample) => {
      samples.push(sample);
      if (samples.length % SAY_EVERY === 0) say(progress(sample));
    },
  });
  // k6 ends its iterations by itself, and writes what it has.
  const stop = () => k6.kill('SIGINT');
  signal.addEventListener('abort', stop);
  await new Promise((done) => k6.once('close', done));
  signal.removeEventListener('abort', stop);
  stopWatching();
  await event.done();
  return { samples, lines };
}

/** What happens to the stack, once, when the script says that the part that counts has begun. */
function createEvent({ wanted, fleet, say }: Run): { begin(): void; done(): Promise<void> } {
  const { event } = wanted.scenario;
  let running: Promise<void> | undefined;
  const run = async () => {
    if (event === undefined) return;
    await new Promise((done) => setTimeout(done, event.afterS * 1_000));
    if (fleet === undefined) return say(`Now it is up to you: ${event.what}`);
    say(`the runner begins to ${event.what}`);
    await event.run(fleet);
    say('done');
  };
  return {
    begin: () => {
      running ??= run();
    },
    done: async () => running,
  };
}

async function readProfile(edge: string): Promise<string | undefined> {
  try {
    const answer = await fetch(`${edge}/healthz`, { signal: AbortSignal.timeout(5_000) });
    const { limitProfile } = (await answer.json()) as { limitProfile?: unknown };
    return String(limitProfile);
  } catch {
    return undefined; // Whatever it was, there is no service to load.
  }
}

async function readSummary(file: string): Promise<Summary | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Summary;
  } catch {
    return undefined; // k6 ended before it had anything; what it printed tells why.
  }
}

interface Outcome {
  readonly given: Run;
  readonly samples: readonly Sample[];
  readonly lines: readonly string[];
  readonly summary: Summary | undefined;
  readonly verdict: Verdict;
}

async function write(out: string, { given, samples, lines, summary, verdict }: Outcome): Promise<void> {
  const { wanted, edge, profile, fleet } = given;
  const [cpu] = cpus();
  const facts = [
    [
      'service',
      fleet === undefined ? edge : `a stack of its own, ${wanted.nodes} nodes, on the same machine as k6`,
    ],
    ['limit profile of the edge', profile],
    ['options', JSON.stringify(wanted.env)],
    [
      'machine of k6',
      `${cpus().length} × ${cpu?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${platform()} ${release()}`,
    ],
    ['ended', new Date().toISOString()],
    ['length', `${Math.round((summary?.state.testRunDurationMs ?? 0) / 1_000)} s`],
  ] as const;
  const { name, about } = wanted.scenario;
  const report = renderReport({ scenario: name, about, facts, verdict, summary, samples });
  await writeFile(join(out, 'report.html'), report);
  await writeFile(
    join(out, 'summary.txt'),
    `${lines.join('\n')}\n${verdict.is}\n${verdict.reasons.join('\n')}\n`,
  );
  await writeFile(join(out, 'samples.json'), JSON.stringify({ facts, verdict, samples }));
}

function progress({ sockets, accepted, realtimeP95Ms, apiP95Ms, generatorCores, refused }: Sample): string {
  const parts = [
    sockets === undefined ? undefined : `${sockets} sockets`,
    accepted === undefined ? undefined : `${accepted} probe messages`,
    realtimeP95Ms === undefined ? undefined : `realtime p95 ${realtimeP95Ms.toFixed(1)} ms`,
    apiP95Ms === undefined ? undefined : `API p95 ${apiP95Ms.toFixed(1)} ms`,
    refused === undefined || refused === 0 ? undefined : `${refused} refused`,
    generatorCores === undefined ? undefined : `k6 uses ${generatorCores.toFixed(1)} cores`,
  ];
  return parts.filter((part) => part !== undefined).join(', ');
}

function stamp(): string {
  return new Date().toISOString().slice(0, 19).replaceAll(':', '-');
}
