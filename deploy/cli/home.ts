/** The directory an account lives in. */
import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { readIfThere, replaceFile } from '../../shared/client/adapters/atomic-file.ts';
import { AlreadyRunning, type Claim, claimRun } from '../local/run-file.ts';

/** Which service the account is of. */
interface AccountFile {
  readonly edge: string;
}

/** By the XDG base directory specification, unless named. */
export function homeOf(named: string | undefined, env: NodeJS.ProcessEnv): string {
  if (named !== undefined) return named;
  return join(env.XDG_CONFIG_HOME || join(homedir(), '.config'), 'hushwire');
}

/** The edge of the account that lives there; undefined when there is no account yet. */
export async function edgeIn(home: string): Promise<string | undefined> {
  const text = await readIfThere(join(home, 'account.json'));
  return text === undefined ? undefined : (JSON.parse(text.toString()) as AccountFile).edge; // As `keepEdge` wrote it.
}

/** Makes the directory one of an account of this edge. */
export async function keepEdge(home: string, edge: string): Promise<void> {
  await replaceFile(join(home, 'account.json'), JSON.stringify({ edge } satisfies AccountFile));
}

/** The right to use the account, until `release()` or the end of this process: two at a time would undo each other's keys. */
export async function claimHome(home: string): Promise<Claim> {
  await mkdir(home, { recursive: true, mode: 0o700 });
  try {
    return await claimRun(home);
  } catch (error) {
    if (!(error instanceof AlreadyRunning)) throw error;
    throw new Error(
      `Process ${error.run.supervisor.pid} uses the account in ${home}; end it first, or name another one with --home`,
    );
  }
}
