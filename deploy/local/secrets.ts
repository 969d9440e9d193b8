import { randomBytes } from 'node:crypto';
import { access, chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../../shared/entry.ts';
import { runProgram } from './command-line.ts';
import { createKeys } from './keys.ts';

const HELP = `npm run secrets -- --directory <dir> [--database <host:port>]

Makes every secret of a new deployment, one to a file, in a directory that only you may enter. Each file is the value of the
variable that takes it by name (HUSHWIRE_EDGE_TAG_KEY_FILE=…/edge-tag-key). What is there already is never replaced: the tag
key of a deployment can never be changed, so keep a copy of it off the site.

  --directory <dir>       where they go; made when it is missing
  --database <host:port>  where PostgreSQL is, for its URL (default postgres:5432, as in deploy/docker)
  --help                  this text

The exit code is 0 when every file is there, 1 when one could not be written, 2 for wrong options.`;

interface Wanted {
  readonly directory: string;
  readonly database: string;
}

/** `npm run secrets`: resolves with the exit code. */
export function main(args: readonly string[]): Promise<number> {
  return runProgram(args, {
    help: HELP,
    options: { directory: { type: 'string' }, database: { type: 'string', default: 'postgres:5432' } },
    read: ({ directory, database }): Wanted => {
      if (directory === undefined) throw new UsageError('--directory is missing; wanted: where the files go');
      if (!/^[\w.-]+:\d{1,5}$/.test(database))
        throw new UsageError(`--database takes a host and a port, not "${database}"`);
      return { directory, database };
    },
    run: makeSecrets,
  });
}

async function makeSecrets({ directory, database }: Wanted): Promise<number> {
  await mkdir(directory, { recursive: true });
  await chmod(directory, 0o700);
  const secrets = Object.entries(await secretsOf(database));
  const there = await Promise.all(secrets.map(([name]) => exists(join(directory, name))));
  // Some belong together: half of an old set and half of a new one would open nothing.
  if (there.includes(true) && there.includes(false)) {
    const missing = secrets.filter((_, i) => !there[i]).map(([name]) => name);
    console.error(
      `Some are there and some are not, and they belong together; missing: ${missing.join(', ')}`,
    );
    return 1;
  }
  if (there.every(Boolean)) {
    console.log(`All ${secrets.length} are there already; none was changed.`);
    return 0;
  }
  // Readable in there for whoever a container runs as; nobody else may enter the directory.
  for (const [name, text] of secrets)
    await writeFile(join(directory, name), text, { mode: 0o444, flag: 'wx' });
  console.log(`${secrets.length} secrets written to ${directory}. Keep a copy of edge-tag-key off the site.`);
  return 0;
}

/** Fresh ones, by the name of their file. */
async function secretsOf(database: string): Promise<Readonly<Record<string, string>>> {
  const { signingKeys, publicKeys, tagKey, sealKeys, frankingKey } = await createKeys();
  const password = randomText();
  return {
    'edge-signing-keys': signingKeys,
    'edge-tag-key': tagKey,
    'edge-seal-keys': sealKeys,
    'edge-ban-keys': `1:${randomText()}`,
    'edge-franking-keys': frankingKey,
    'origin-edge-keys': publicKeys,
    'origin-franking-key': frankingKey,
    'state-token': randomText(),
    'database-password': password,
    'database-url': `postgres://hushwire:${password}@${database}/hushwire`,
    'grafana-password': randomText(),
  };
}

/** 256 bits. */
function randomText(): string {
  return randomBytes(32).toString('base64url');
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
