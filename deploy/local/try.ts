import { runProgram, webAddress, whole } from './command-line.ts';
import { liveRun } from './run-file.ts';
import { CHECKOUT } from './servers/checkout.ts';
import { Participant } from './try/participant.ts';
import { Report } from './try/report.ts';
import { runScenario } from './try/scenario.ts';
import { type StoreUrls, searchEverywhere } from './try/verdict.ts';

const HELP = `npm run try [-- <options>]

Two new accounts in two processes, on two different nodes, exchange encrypted messages; one is cut off and returns;
then everything that can be reached is searched for plaintext, key and ids.

  --edge <url>      the edge to use (default: the stack that "npm start" runs)
  --messages <n>    messages measured (default 200)
  --dir <path>      where the running stack keeps its data (default .hushwire in the checkout)
  --help            this text

The exit code is 0 when everything held, 1 when something did not, 130 when interrupted.
Latency is from before encryption in one process to after decryption in the other, by the monotonic clock that the
processes of one machine share.`;

const MESSAGES_MAX = 10_000;
/** Code of a run that Ctrl-C ended: 128 + SIGINT, as shells have it. */
const INTERRUPTED = 130;

interface Wanted {
  readonly edge: string | undefined;
  readonly messages: number;
  readonly dir: string;
}
interface Target extends StoreUrls {
  readonly edge: string;
}

/** `npm run try`: resolves with the exit code. */
export function main(args: readonly string[]): Promise<number> {
  return runProgram(args, {
    help: HELP,
    options: {
      edge: { type: 'string' },
      messages: { type: 'string', default: '200' },
      dir: { type: 'string', default: `${CHECKOUT}/.hushwire` },
    },
    read: ({ edge, messages, dir }): Wanted => ({
      edge: edge === undefined ? undefined : webAddress('edge', edge),
      messages: whole('messages', messages, [1, MESSAGES_MAX]),
      dir,
    }),
    run: tryWanted,
  });
}

async function tryWanted(wanted: Wanted): Promise<number> {
  const target = findTarget(wanted);
  if (typeof target === 'string') {
    console.error(target);
    return 1;
  }
  return tryOut(target, wanted.messages);
}

async function tryOut(target: Target, messages: number): Promise<number> {
  const report = new Report(console.log);
  const interruption = listenForInterruption();
  const [alice, bob] = [new Participant('Alice'), new Participant('Bob')];
  try {
    const run = runAll({ target, messages, alice, bob, report });
    await Promise.race([run, interruption.happened]);
    return conclude(report);
  } catch (error) {
    if (interruption.isRaised()) return INTERRUPTED;
    console.error(`\nIt did not work: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  } finally {
    interruption.close();
    await Promise.all([alice.stop(), bob.stop()]);
  }
}

interface Cast {
  readonly target: Target;
  readonly messages: number;
  readonly alice: Participant;
  readonly bob: Participant;
  readonly report: Report;
}

async function runAll({ target, messages, alice, bob, report }: Cast): Promise<void> {
  report.step(`Trying ${target.edge}`);
  const outcome = await runScenario({ edge: target.edge, messages, alice, bob, report });
  await searchEverywhere(outcome, target, report);
  const { medianMs, p99Ms, count } = outcome.latency;
  console.log(
    [
      '',
      `Alice and Bob exchanged ${outcome.published} messages across ${new Set(outcome.people.map(({ node }) => node)).size} nodes.`,
      `Latency over ${count} messages, encryption to decryption: median ${medianMs.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms.`,
    ].join('\n'),
  );
}

function conclude({ failed }: Report): number {
  console.log(failed === 0 ? 'Everything held.' : `${failed} check(s) FAILED.`);
  return failed === 0 ? 0 : 1;
}

/** Where to go, or a sentence why there is nowhere. */
function findTarget({ edge, dir }: Wanted): Target | string {
  const run = liveRun(dir);
  if (edge !== undefined) return { edge, ...(run?.edgeUrl === edge ? storesOf(run) : {}) };
  if (run === undefined) return 'No stack is running: start one with "npm start", then run this again.';
  if (run.edgeUrl === undefined)
    return 'The stack is still starting: wait until it says "ready", then run this again.';
  return { edge: run.edgeUrl, ...storesOf(run) };
}

function storesOf({ redisUrl, databaseUrl }: StoreUrls): StoreUrls {
  return {
    ...(redisUrl === undefined ? {} : { redisUrl }),
    ...(databaseUrl === undefined ? {} : { databaseUrl }),
  };
}

interface Interruption {
  /** Rejects at the first Ctrl-C, SIGTERM or closed terminal. */
  readonly happened: Promise<never>;
  isRaised(): boolean;
  close(): void;
}

function listenForInterruption(): Interruption {
  let isRaised = false;
  let raise: () => void = () => undefined;
  const happened = new Promise<never>((_, reject) => {
    raise = () => {
      isRaised = true;
      reject(new Error('Interrupted'));
    };
  });
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, raise);
  return {
    happened,
    isRaised: () => isRaised,
    close: () => {
      for (const signal of signals) process.off(signal, raise);
    },
  };
}
