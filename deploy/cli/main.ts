/** `npm run cli`, or `hushwire`: finds the command, runs it until it is done or stopped, and gives back the exit code. */
import type { Readable, Writable } from 'node:stream';
import { Failure } from '../../shared/failure.ts';
import { type Command, helpOf, helpOfAll, type Parsed, parse, UsageError } from './command.ts';
import { COMMANDS } from './commands.ts';
import { homeOf } from './home.ts';
import { HomeUse } from './home-use.ts';
import { Output } from './output.ts';

/** The process around a command, so that a test can be it. */
export interface Surroundings {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly env: NodeJS.ProcessEnv;
  once(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
}

const FAILED = 1;
const USAGE = 2;
/** 128 and the number of SIGINT, as shells have it. */
const INTERRUPTED = 130;

/** Why a command ends before it is done. */
class Stop extends Error {
  readonly code: number;
  constructor(code: number, message = '') {
    super(message);
    this.code = code;
  }
}

/** Resolves with the exit code; everything is closed then. */
export async function main(argv: readonly string[], around: Surroundings = process): Promise<number> {
  const found = find(argv);
  if (found === undefined) {
    const isAsked = argv[0] === undefined || ['--help', '-h', 'help'].includes(argv[0]);
    (isAsked ? around.stdout : around.stderr).write(
      isAsked ? `${helpOfAll(COMMANDS)}\n` : `There is no command "${argv[0]}" (--help lists them)\n`,
    );
    return isAsked && argv[0] !== undefined ? 0 : USAGE;
  }
  const { command, rest } = found;
  try {
    const parsed = parse(command, rest);
    if (!parsed.switches.has('help')) return await run(command, parsed, around);
    around.stdout.write(`${helpOf(command)}\n`);
    return 0;
  } catch (error) {
    return explain(error, around.stderr);
  }
}

/** The command with the most words that `argv` begins with. */
function find(argv: readonly string[]): { command: Command; rest: readonly string[] } | undefined {
  const matches = COMMANDS.filter(({ name }) => name.split(' ').every((word, i) => argv[i] === word));
  const [command] = matches.sort((a, b) => b.name.length - a.name.length);
  return command && { command, rest: argv.slice(command.name.split(' ').length) };
}

async function run(command: Command, parsed: Parsed, around: Surroundings): Promise<number> {
  const { values, switches } = parsed;
  const stop = stopOf(around, timeoutOf(values['timeout-s'], command.isEndless?.(parsed.args) ?? false));
  const { stdin } = around;
  const output = new Output({ out: around.stdout, err: around.stderr }, switches.has('json'));
  const home = homeOf(values.home, around.env);
  const use = new HomeUse({ home, values, output, stdin, signal: stop.signal });
  try {
    await stop.before(command.run({ ...parsed, output, stdin, signal: stop.signal, ...use.given() }));
    return 0;
  } finally {
    stop.clear();
    await use.end();
  }
}

/** Commands that go on until somebody ends them have no time limit unless one is given. */
function timeoutOf(text: string | undefined, isEndless: boolean): number | undefined {
  if (text === undefined) return isEndless ? undefined : 60_000;
  const seconds = Number(text);
  if (!/^\d+$/.test(text) || seconds < 1 || seconds > 86_400)
    throw new UsageError('--timeout-s takes a whole number from 1 to 86400');
  return seconds * 1_000;
}

/** What ends a command early: Ctrl-C, the time, and a reader of its output that is gone. */
function stopOf(around: Surroundings, timeoutMs: number | undefined) {
  const controller = new AbortController();
  const { signal } = controller;
  const end = (why: Stop) => () => controller.abort(why);
  for (const name of ['SIGINT', 'SIGTERM'] as const) around.once(name, end(new Stop(INTERRUPTED)));
  around.stdout.on('error', end(new Stop(0)));
  around.stderr.on('error', () => undefined); // Nobody reads it: nothing is lost that was a result.
  const late = new Stop(FAILED, `Not done after ${(timeoutMs ?? 0) / 1_000} s`);
  const timer = timeoutMs === undefined ? undefined : setTimeout(end(late), timeoutMs);
  const stopped = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  stopped.catch(() => undefined); // Told to whoever waits in `before`.
  return {
    signal,
    before: <T>(work: Promise<T>): Promise<T> => {
      work.catch(() => undefined); // What was stopped may fail of it, later than anybody listens.
      return Promise.race([work, stopped]);
    },
    clear: () => clearTimeout(timer),
  };
}

/** Tells people what went wrong, and gives back the exit code. */
function explain(error: unknown, stderr: Writable): number {
  if (error instanceof Stop) {
    if (error.message !== '') stderr.write(`${error.message}\n`);
    return error.code;
  }
  if ((error as NodeJS.ErrnoException).code === 'EPIPE') return 0; // The reader has had enough.
  if (error instanceof UsageError) {
    stderr.write(`${error.message} (--help tells more)\n`);
    return USAGE;
  }
  stderr.write(
    `${error instanceof Failure ? `${error.message} (${error.code})` : (error as Error).message}\n`,
  );
  return FAILED;
}
