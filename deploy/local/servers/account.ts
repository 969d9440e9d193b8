import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A system account that a child runs as. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** The account PostgreSQL's packages use as well: reused when it is there. */
const NAME = 'postgres';

/**
 * The unprivileged account PostgreSQL must run as when we are root, since it refuses root; made when it is missing.
 * Undefined when we are not root: then it runs as ourselves. Throws an Error in plain words when there can be none.
 */
export async function serverAccount(): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const found = await lookUp();
  if (found !== undefined) return found;
  try {
    await run('useradd', [
      '--system',
      '--user-group',
      '--no-create-home',
      '--shell',
      '/usr/sbin/nologin',
      NAME,
    ]);
  } catch (cause) {
    throw new Error(`Cannot make the account "${NAME}" that PostgreSQL needs, because it refuses root`, {
      cause,
    });
  }
  const made = await lookUp();
  if (made === undefined) throw new Error(`Cannot find the account "${NAME}" that was just made`);
  return made;
}

/** True when `account` may enter the directory. */
export async function canEnter(directory: string, { uid, gid }: Account): Promise<boolean> {
  try {
    await run('test', ['-x', directory], { uid, gid, cwd: '/' });
    return true;
  } catch {
    return false;
  }
}

async function lookUp(): Promise<Account | undefined> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', NAME]), run('id', ['-g', NAME])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return undefined;
  }
}
