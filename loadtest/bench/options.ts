import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { ROWS } from './rows.ts';
import { TARGET_NAMES, type TargetName } from './target.ts';

export const HELP = `npm run bench -- relay [<options>]

Compares Hushwire with Socket.IO (with its Redis adapter, with its Redis Streams adapter and recovery, and on
uWebSockets.js) and with a bare uWebSockets.js + Redis relay as the floor: same messages, same sockets, same generator, on
this machine, target by target in turn.

  --quick            small and short, one repeat, at most a minute
  --rows <names>     only these, comma-separated: ${ROWS.map(({ name }) => name).join(', ')}
  --targets <names>  only these: ${TARGET_NAMES.join(', ')}
  --repeats <n>      how often every target is measured in every row (default 3)
  --sizes <n,n>      characters of data in a message (default 200,1024)
  --seconds <n>      length of a measured window (default 4)
  --out <directory>  where RESULTS.md, results.json and the plots go; without, nothing is written
  --add <file>       adds to the samples in the results.json of an earlier run on the same machine
  --note <text>      a remark for the page: what a reader should know of this run
  --from <file>      measures nothing: makes the pages in --out anew from the results.json of an earlier run
  --profile          profiles each Hushwire process (into --out) and prints where its time went
  --help             this text

\`npm run bench -- api\` measures the edge's API instead (-- api --help). The last line is JSON with every ratio. The exit code is 1 when a figure stayed invalid in every repeat.`;

/** What was asked for is not there, or makes no sense; the message says which. */
export class UsageError extends Error {}

export interface Options {
  readonly rows: readonly string[];
  readonly targets: readonly TargetName[];
  readonly repeats: number;
  readonly isQuick: boolean;
  readonly seconds: number;
  readonly sizes: readonly number[];
  readonly out: string | undefined;
  readonly from: string | undefined;
  readonly add: string | undefined;
  readonly note: string | undefined;
  readonly isProfiled: boolean;
}

/** Where profiles go when nothing else is said; ignored by git. */
const PROFILE_OUT = '.hushwire/bench';
/** In a quick run: one figure of each kind that a minute allows. */
const QUICK_ROWS = ['unicast', 'ephemeral', 'fan-out'];
/** A generator beside two servers and Redis needs a share of a core of its own. */
const CORES_MIN = 2;

/** Reads the arguments; `help` when that is all that is wanted. Throws UsageError. */
export function readOptions(args: readonly string[]): Options | 'help' {
  const values = parse(args);
  if (values.help) return 'help';
  if (process.platform !== 'linux')
    throw new UsageError('This comparison reads CPU and memory from /proc, which only Linux has.');
  if (availableParallelism() < CORES_MIN) throw new UsageError('This comparison needs at least 2 cores.');
  const isQuick = values.quick;
  const allRows = ROWS.map(({ name }) => name);
  const usual = isQuick ? QUICK_ROWS.filter((name) => allRows.includes(name)) : allRows;
  return {
    rows: names('rows', values.rows, allRows) ?? usual,
    targets: names('targets', values.targets, TARGET_NAMES) ?? TARGET_NAMES,
    repeats: whole('repeats', values.repeats ?? (isQuick ? '1' : '3'), { min: 1, max: 20 }),
    isQuick,
    seconds: whole('seconds', values.seconds ?? (isQuick ? '2' : '4'), { min: 1, max: 600 }),
    sizes: (values.sizes ?? (isQuick ? '200' : '200,1024'))
      .split(',')
      .map((size) => whole('sizes', size, { min: 24, max: 65_536 })),
    out: values.out ?? (values.profile ? PROFILE_OUT : undefined),
    from: values.from,
    add: values.add,
    note: values.note,
    isProfiled: values.profile,
  };
}

function parse(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        quick: { type: 'boolean', default: false },
        rows: { type: 'string' },
        targets: { type: 'string' },
        repeats: { type: 'string' },
        sizes: { type: 'string' },
        seconds: { type: 'string' },
        out: { type: 'string' },
        from: { type: 'string' },
        add: { type: 'string' },
        note: { type: 'string' },
        profile: { type: 'boolean', default: false },
      },
    });
    return values;
  } catch (error) {
    throw new UsageError((error as Error).message.split('\n')[0] ?? '');
  }
}

function names<T extends string>(
  option: string,
  text: string | undefined,
  known: readonly T[],
): readonly T[] | undefined {
  if (text === undefined) return undefined;
  const wanted = text.split(',');
  const unknown = wanted.find((name) => !known.some((one) => one === name));
  if (unknown !== undefined) throw new UsageError(`--${option} ${unknown}: there is ${known.join(', ')}`);
  return known.filter((one) => wanted.includes(one));
}

function whole(option: string, text: string, { min, max }: { min: number; max: number }): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new UsageError(`--${option} takes a whole number from ${min} to ${max}`);
}
