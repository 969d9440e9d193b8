/** What a command of the CLI is, and how its arguments are read. */
import type { Readable } from 'node:stream';
import { parseArgs } from 'node:util';
import type { Account, AccountOptions } from './account.ts';
import type { Output } from './output.ts';

/** One option: without `value` it is a switch. */
export interface Option {
  /** What stands for its value in the help, as `<url>`. */
  readonly value?: string;
  readonly about: string;
}

export interface Command {
  /** As typed: `channels create`. */
  readonly name: string;
  /** Its arguments, as in the help; `...` behind the last one lets it repeat, brackets make it optional. */
  readonly takes: string;
  readonly about: string;
  readonly options?: Readonly<Record<string, Option>>;
  /** Whether it goes on until it is ended, with these arguments: without a time limit then. */
  readonly isEndless?: (args: readonly string[]) => boolean;
  run(given: Given): Promise<void>;
}

/** What a command is given to work with. */
export interface Given {
  /** Arguments by position; as many as `takes` demands are there. */
  readonly args: readonly string[];
  /** Values of options that take one. */
  readonly values: Readonly<Record<string, string | undefined>>;
  /** Switches that are on. */
  readonly switches: ReadonlySet<string>;
  readonly output: Output;
  /** Aborted by Ctrl-C, by a reader of the output that is gone, and when the time is up. */
  readonly signal: AbortSignal;
  readonly home: string;
  /** As asked for, or that of the account, or of the stack that runs here. Throws UsageError when there is none. */
  readonly edge: () => Promise<string>;
  readonly stdin: Readable;
  /** Keeps other commands off this home until the command ends. */
  readonly claim: () => Promise<void>;
  /** Signs the account of this home in; it is closed when the command ends. Throws when there is none. */
  readonly open: () => Promise<Account>;
  /** The same for a home without one: signs up unless the device belongs to an account. */
  readonly begin: (options?: Pick<AccountOptions, 'invitation'>) => Promise<Account>;
}

/** The command line makes no sense: exit code 2. */
export class UsageError extends Error {}

/** Options that every command takes. */
export const COMMON: Readonly<Record<string, Option>> = {
  edge: {
    value: '<url>',
    about: 'the edge (default: that of the account, or of the stack that "npm start" runs)',
  },
  home: {
    value: '<dir>',
    about: 'where the account is kept (default: $XDG_CONFIG_HOME/hushwire or ~/.config/hushwire)',
  },
  totp: { value: '<code>', about: 'the second factor; asked for on a terminal' },
  'recovery-code': { value: '<code>', about: 'in place of the second factor, once' },
  'timeout-s': {
    value: '<n>',
    about: 'gives up after this time (default: 60; none while listening or reading the input)',
  },
  json: { about: 'prints one JSON object per line' },
  help: { about: 'this text' },
};

export interface Parsed {
  readonly args: readonly string[];
  readonly values: Readonly<Record<string, string | undefined>>;
  readonly switches: ReadonlySet<string>;
}

/** Reads the arguments behind a command's name. Throws UsageError. */
export function parse({ takes, options = {} }: Command, argv: readonly string[]): Parsed {
  const known = { ...COMMON, ...options };
  const config = Object.entries(known).map(([name, { value }]) => [
    name,
    { type: value === undefined ? ('boolean' as const) : ('string' as const) },
  ]);
  const { values, positionals } = readArguments(argv, Object.fromEntries(config));
  const entries = Object.entries(values);
  const switches = new Set(entries.flatMap(([name, value]) => (value === true ? [name] : [])));
  if (!switches.has('help')) requireCount(takes, positionals);
  const texts = entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return { args: positionals, values: Object.fromEntries(texts), switches };
}

/** An id may begin with a dash, as no option of this length does: marked, it passes for an argument. */
const DASHED_ID = /^-(?:[\w-]{21}|[\w-]{42})$/;
const MARK = '\0';

function readArguments(argv: readonly string[], options: Record<string, { type: 'boolean' | 'string' }>) {
  const marked = argv.map((arg) => (DASHED_ID.test(arg) ? MARK + arg : arg === '-h' ? '--help' : arg));
  try {
    const { values, positionals } = parseArgs({ args: marked, options, allowPositionals: true });
    const plain = Object.entries(values).map(([name, value]) => [
      name,
      typeof value === 'string' ? value.replace(MARK, '') : value,
    ]);
    return {
      values: Object.fromEntries(plain),
      positionals: positionals.map((arg) => arg.replace(MARK, '')),
    };
  } catch (error) {
    throw new UsageError((error as Error).message.split('\n')[0]?.split('. ')[0]?.replaceAll(MARK, ''));
  }
}

function requireCount(takes: string, args: readonly string[]): void {
  const wanted = takes.split(' ').filter((word) => word !== '');
  const min = wanted.filter((word) => !word.startsWith('[')).length;
  if (args.length < min) throw new UsageError(`${wanted[args.length]} is missing`);
  if (args.length > wanted.length && !takes.includes('...'))
    throw new UsageError(`${args[wanted.length]} is too much`);
}

/** Help of one command. */
export function helpOf({ name, takes, about, options = {} }: Command): string {
  const usage = `hushwire ${name}${takes === '' ? '' : ` ${takes}`} [<options>]`;
  return [usage, about, table(optionRows({ ...options, ...COMMON }))].join('\n\n');
}

/** Help of all of them. */
export function helpOfAll(commands: readonly Command[]): string {
  const rows = commands.map(({ name, takes, about }) => [
    `${name} ${takes}`,
    about.split(/[.;:]\s/)[0]?.replace(/\.$/, '') ?? '',
  ]);
  return [
    'hushwire <command> [<options>]          (npm run cli -- <command> …)',
    'Talks over Hushwire from scripts and terminals: one account in one directory, end-to-end encrypted (MLS).',
    table(rows),
    `Options of every command:\n${table(optionRows(COMMON))}`,
    `"hushwire <command> --help" tells more. Users and channels are named by their ids. Where <text> is left out, each line of
the standard input is a message; before a <text> that begins with a dash put "--". The exit code is 0, 1 when something failed, 2 for wrong usage, 130 after Ctrl-C.`,
  ].join('\n\n');
}

function optionRows(options: Readonly<Record<string, Option>>): string[][] {
  return Object.entries(options).map(([name, { value, about }]) => [
    `--${name}${value === undefined ? '' : ` ${value}`}`,
    about,
  ]);
}

function table(rows: readonly (readonly string[])[]): string {
  const width = Math.max(...rows.map(([name = '']) => name.length));
  return rows.map(([name = '', about = '']) => `  ${name.padEnd(width)}  ${about}`).join('\n');
}
