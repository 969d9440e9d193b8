/** How programs of this tree begin: one way to read options, to explain, and to refuse what makes no sense. */
import { rename, writeFile } from 'node:fs/promises';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { UsageError } from '../../shared/entry.ts';

export type Options = NonNullable<ParseArgsConfig['options']>;
type Parsed<O extends Options> = ReturnType<typeof parseArgs<{ options: O; allowPositionals: true }>>;

export interface Program<O extends Options, T> {
  /** What `--help` prints. */
  readonly help: string;
  /** Every option but `--help`. */
  readonly options: O;
  /** Makes of the options what is wanted; throws UsageError with what is wrong and what would be right. */
  readonly read: (values: Parsed<O>['values'], words: readonly string[]) => T;
  /** Does it; resolves with the exit code. */
  readonly run: (wanted: T) => Promise<number>;
  /** Whether it takes words besides options. */
  readonly takesWords?: boolean;
}

const HELP = { help: { type: 'boolean', short: 'h', default: false } } as const;
/** Exit code for options that make no sense. */
const MISUSED = 2;
/** Of an option before another one, or before a negative number: which of both was meant, nobody can tell. */
const DASHED = "needs a value, and one that begins with a dash is written behind a '='";

/** Runs a program with its arguments. Resolves with its exit code: 0 for help, 2 for arguments that make no sense. */
export async function runProgram<O extends Options, T>(
  args: readonly string[],
  program: Program<O, T>,
): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    console.log(program.help);
    return 0;
  }
  let wanted: T;
  try {
    const { values, positionals } = parse(args, program);
    wanted = program.read(values, positionals);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`${error.message} (--help lists what there is)`);
    return MISUSED;
  }
  return program.run(wanted);
}

function parse<O extends Options, T>(
  args: readonly string[],
  { options, takesWords = false }: Program<O, T>,
): Parsed<O> {
  try {
    // The values have the types of the options that were given, whatever is added to them.
    const parsed: unknown = parseArgs({
      args: [...args],
      options: { ...options, ...HELP },
      allowPositionals: takesWords,
    });
    return parsed as Parsed<O>;
  } catch (error) {
    // It throws a TypeError with a code for each fault of its input, some with advice that is not ours.
    const [sentence = ''] = (error as Error).message.split(/\. |\.?\n/);
    throw new UsageError(sentence.replace(/argument is ambiguous$/, DASHED));
  }
}

/** The whole number that an option was given; throws UsageError. */
export function whole(
  option: string,
  text: string,
  [least, most]: readonly [least: number, most: number],
): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new UsageError(`--${option} takes a whole number from ${least} to ${most}`);
}

/** The address of a service that an option was given, without a slash at its end; throws UsageError. */
export function webAddress(option: string, text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new UsageError(`--${option} takes an http or https URL, not "${text}"`);
  return text.replace(/\/+$/, '');
}

export type Say = (sentence: string) => void;

/** Progress: every sentence with the seconds since the first. */
export function createSay(): Say {
  const startedMs = performance.now();
  return (sentence) =>
    console.log(`${((performance.now() - startedMs) / 1_000).toFixed(1).padStart(6)} s  ${sentence}`);
}

export interface Gauge {
  readonly name: string;
  readonly help: string;
  /** Undefined leaves the gauge out. */
  readonly value: number | undefined;
}

/** Writes Prometheus text, for a collector that must never read half a file. */
export async function writeGauges(path: string, gauges: readonly Gauge[]): Promise<void> {
  const text = gauges.flatMap(({ name, help, value }) =>
    value === undefined ? [] : [`# HELP ${name} ${help}\n# TYPE ${name} gauge\n${name} ${value}\n`],
  );
  await writeFile(`${path}.${process.pid}`, text.join(''));
  await rename(`${path}.${process.pid}`, path);
}
