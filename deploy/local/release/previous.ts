/** The release before this one, laid out beside it. */
import { execFile } from 'node:child_process';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CHECKOUT } from '../servers/checkout.ts';
import { temporaryDirectory } from '../servers/temporary.ts';
import { readMigrations } from './migrations.ts';

const run = promisify(execFile);

/** The history does not say what came before; the message says why, and what helps. */
export class NoPrevious extends Error {}

export interface Previous {
  readonly commit: string;
  /** Why this one: for people. */
  readonly why: string;
}

/**
 * The commit named, or the last tag before this commit, or, before there is any, the commit before the newest migration:
 * so far back that the schema differs. Throws NoPrevious.
 */
export async function findPrevious(wanted?: string): Promise<Previous> {
  if (wanted !== undefined) return { commit: await commitOf(wanted), why: 'named' };
  const tag = await git('describe', '--tags', '--abbrev=0', 'HEAD^').catch(() => undefined);
  if (tag !== undefined) return { commit: await commitOf(tag), why: `tag ${tag}` };
  const newest = (await readMigrations(CHECKOUT)).at(-1);
  const path = `origin/migrations/${newest?.name}`;
  const added = await git('log', '--diff-filter=A', '--format=%H', '-1', '--', path).catch(() => '');
  const commit = await commitOf(added === '' ? 'HEAD' : `${added}^`);
  return { commit, why: `before ${newest?.name}` };
}

async function commitOf(name: string): Promise<string> {
  return git('rev-parse', '--verify', `${name}^{commit}`).catch(() => {
    throw new NoPrevious(
      `The history here has no ${name}; a clone with its whole history (git fetch --unshallow --tags) has`,
    );
  });
}

export interface Worktree {
  readonly path: string;
  remove(): Promise<void>;
}

/** Checks a commit out in a worktree of its own, with the packages that are installed here. */
export async function checkOut(commit: string): Promise<Worktree> {
  const path = join(await temporaryDirectory('release'), 'tree');
  await git('worktree', 'add', '--detach', '--force', path, commit);
  await symlink(join(CHECKOUT, 'node_modules'), join(path, 'node_modules'));
  return {
    path,
    remove: async () => {
      await git('worktree', 'remove', '--force', path);
    },
  };
}

async function git(...args: string[]): Promise<string> {
  const { stdout } = await run('git', args, { cwd: CHECKOUT });
  return stdout.trim();
}
