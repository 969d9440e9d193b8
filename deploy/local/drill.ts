import { execFile } from 'node:child_process';
import { chmod, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { BackupFailed, requirePrograms } from '../backup/programs.ts';
import { createSay, runProgram } from './command-line.ts';
import { type ActOptions, Drill, type Keys, type Measured } from './drill/acts.ts';
import { Place } from './drill/place.ts';
import { temporaryDirectory } from './servers/temporary.ts';

const HELP = `npm run drill

Rehearses disasters on servers of its own: loses both Redis with all they hold; loses the database and restores it from
an encrypted dump; loses it again and restores it from a base backup and the write-ahead log. Each time the tables are
held against checksums, and the same devices must sign in, send and receive.

  --help   this text

Needs PostgreSQL's client programs and age (apt-get install postgresql-client age). The last line is JSON: for each
disaster the recovery point (seconds of accepted writes lost) and the recovery time (seconds until messages flow). The exit
code is 0 when everything held, 1 when not.`;

const run = promisify(execFile);

/** `npm run drill`: resolves with the exit code. */
export function main(args: readonly string[]): Promise<number> {
  return runProgram(args, { help: HELP, options: {}, read: () => undefined, run: drill });
}

async function drill(): Promise<number> {
  try {
    await requirePrograms('pg_dump', 'pg_restore', 'pg_basebackup', 'pg_receivewal', 'age', 'age-keygen');
  } catch (error) {
    if (!(error instanceof BackupFailed)) throw error;
    console.error(error.message);
    return 1;
  }
  const home = await temporaryDirectory('drill');
  await chmod(home, 0o755); // PostgreSQL's account reads the archive in here.
  const place = await Place.open(home);
  const interrupt = () => void stop(place, home).then(() => process.exit(130));
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    return await rehearse(place);
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
    await stop(place, home);
  }
}

async function stop(place: Place, home: string): Promise<void> {
  await place.stop();
  await rm(home, { recursive: true, force: true });
}

async function rehearse(place: Place): Promise<number> {
  const say = createSay();
  let failed = 0;
  const check: ActOptions['check'] = (isTrue, sentence) => {
    if (!isTrue) failed += 1;
    say(`${isTrue ? 'held:  ' : 'FAILED:'} ${sentence}`);
  };
  await Promise.all([place.startRedis(), place.startPostgres('first')]);
  await place.startStack();
  const drill = new Drill({ place, keys: await makeKeys(place.home), say, check });
  const acts: Record<string, Measured> = {};
  try {
    await drill.begin();
    say('Alice and Bob talk');
    acts.redis = await drill.loseRedis();
    acts.dump = await drill.loseDatabaseAfterDump();
    acts.pointInTime = await drill.loseDatabaseUnderArchive();
  } finally {
    drill.end();
  }
  for (const [name, { rpoSeconds, rtoSeconds }] of Object.entries(acts))
    console.log(`${name.padEnd(12)} RPO ${rpoSeconds.toFixed(1)} s, RTO ${rtoSeconds.toFixed(1)} s`);
  console.log(JSON.stringify({ ...acts, failed }));
  return failed === 0 ? 0 : 1;
}

/** A pair of age, for this drill alone. */
async function makeKeys(home: string): Promise<Keys> {
  const identity = join(home, 'identity');
  await run('age-keygen', ['-o', identity]);
  await chmod(identity, 0o644);
  const { stdout } = await run('age-keygen', ['-y', identity]);
  return { identity, recipient: stdout.trim() };
}
