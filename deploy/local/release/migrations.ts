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

/** What older programs read, write or rely on, and then do not find any more. */
const TAKES_AWAY: readonly (readonly [pattern: RegExp, what: string])[] = [
  [
    /\bdrop (?:table|view|materialized view|schema|type|domain|function|sequence)\b/i,
    'drops what older programs use',
  ],
  [/\bdrop column\b/i, 'drops a column'],
  [/\brename\b/i, 'gives something another name'],
  [/\balter (?:column )?\w+ (?:set data )?type\b/i, 'changes the type of a column'],
  [/\bset not null\b/i, 'requires what older programs may leave out'],
  [
    /\badd column\b(?:(?!\bdefault\b|,|;)[\s\S])*\bnot null\b(?!(?:(?!,|;)[\s\S])*\bdefault\b)/i,
    'adds a column that older programs do not fill',
  ],
  [/\btruncate\b/i, 'empties a table'],
  [/\bdelete from\b/i, 'deletes rows'],
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
  const statements = text.replaceAll(/--.*$/gm, '').split(';');
  const faults = kind === 'contract' ? [] : statements.flatMap(faultsOf);
  return { name, number, kind, faults };
}

function faultsOf(statement: string): string[] {
  const found = TAKES_AWAY.filter(([pattern]) => pattern.test(statement)).map(([, what]) => what);
  const added = [...statement.matchAll(/\badd constraint (\w+)/gi)].map(([, constraint]) => constraint);
  const isNew = added.some(
    (constraint) => !new RegExp(`\\bdrop constraint ${constraint}\\b`, 'i').test(statement),
  );
  return isNew ? [...found, 'adds a constraint that older programs may break'] : found;
}
