/**
 * What migrations ask of the programs that run meanwhile. Expanding ones only add, so that programs of the release before go
 * on; contracting ones take away, and may say so only by naming the oldest program that can live with them
 * (`-- oldest-program`, origin/adapters/postgres-migrate.ts): an older one is stopped, so they come a release later.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Migration {
  /** `0007-bans.sql`. */
  readonly name: string;
  readonly number: number;
  readonly kind: 'expand' | 'contract';
  /** What it takes away though older programs are said to go on; none for a good one. */
  readonly faults: readonly string[];
}

const NAME = '(?:"[^"]+"|[\\w.]+)';

/** What older programs read, write or rely on, and then do not find any more. */
const TAKES_AWAY: readonly (readonly [pattern: RegExp, what: string])[] = [
  // A constraint that goes, or is no longer required to be filled, is in nobody's way.
  [/\bdrop\b(?! constraint\b| not null\b)/i, 'drops what older programs may use'],
  [/\brename\b|\bset schema\b/i, 'gives something another name'],
  [new RegExp(`\\balter (?:column )?${NAME} (?:set data )?type\\b`, 'i'), 'changes the type of a column'],
  [/\bset not null\b/i, 'requires what older programs may leave out'],
  [/^\s*(?:truncate|delete|update|revoke)\b/i, 'changes or takes what is there'],
];

/** Reads the migrations of a tree in their order. */
export async function readMigrations(tree: string): Promise<readonly Migration[]> {
  const directory = join(tree, 'origin', 'migrations');
  const names = (await readdir(directory)).filter((name) => name.endsWith('.sql')).toSorted();
  return Promise.all(names.map(async (name) => examine(name, await readFile(join(directory, name), 'utf8'))));
}

/** What one migration is, by its name and text. */
export function examine(name: string, text: string): Migration {
  const number = Number.parseInt(name, 10);
  const oldest = Number(/^-- oldest-program: (\d+)$/m.exec(text)?.[1]);
  // A program that knows all but this one may go on: then nothing may be missing for it.
  const kind = oldest < number || number === 1 ? 'expand' : 'contract';
  const statements = text.replaceAll(/--.*$/gm, '').replaceAll(/\s+/g, ' ').split(';');
  const made = new Set(statements.flatMap((one) => /\bcreate table (\S+)/i.exec(one)?.[1] ?? []));
  const faults = kind === 'contract' ? [] : statements.flatMap((one) => faultsOf(one, made));
  return { name, number, kind, faults };
}

/** `made`: the tables that this migration itself makes; no older program uses those. */
function faultsOf(statement: string, made: ReadonlySet<string>): string[] {
  const found = TAKES_AWAY.filter(([pattern]) => pattern.test(statement)).map(([, what]) => what);
  const unique = /\bcreate unique index\b.*? on (?:only )?(\S+)/i.exec(statement)?.[1];
  if (unique !== undefined && !made.has(unique)) found.push('forbids older programs a second row of a kind');
  const [, altered, actions = ''] = /^\s*alter table (?:if exists |only )*(\S+) (.*)$/i.exec(statement) ?? [];
  if (altered === undefined || made.has(altered)) return found;
  return [...found, ...actionsOf(actions).flatMap((action) => addedBy(action.trim(), actions))];
}

/** The actions of one `alter table`, between the commas that stand in no bracket. */
function actionsOf(text: string): string[] {
  const actions = [''];
  let depth = 0;
  for (const letter of text) {
    if (letter === '(') depth += 1;
    if (letter === ')') depth -= 1;
    if (letter === ',' && depth === 0) actions.push('');
    else actions[actions.length - 1] += letter;
  }
  return actions;
}

const CONSTRAINT = /^add (?:constraint (\S+) |(?=check\b|unique\b|primary\b|foreign\b|exclude\b))/i;

function addedBy(action: string, all: string): string[] {
  const constraint = CONSTRAINT.exec(action);
  if (constraint !== null) {
    const [, name] = constraint;
    // In place of one of the same name, it was looked at by whoever wrote it.
    const isReplaced =
      name !== undefined && all.toLowerCase().includes(`drop constraint ${name.toLowerCase()}`);
    return isReplaced ? [] : ['adds a constraint that older programs may break'];
  }
  if (!/^add\b/i.test(action)) return [];
  const isRequired =
    /\bnot null\b|\bprimary key\b/i.test(action) && !/\bdefault\b|\bgenerated\b/i.test(action);
  if (isRequired) return ['adds a column that older programs do not fill'];
  return /\bunique\b/i.test(action) ? ['forbids older programs a second row of a kind'] : [];
}
