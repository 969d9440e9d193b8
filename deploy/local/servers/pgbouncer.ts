import { chmod, chown, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../ports.ts';
import { serverAccount } from './account.ts';
import { type RunningServer, startProcess } from './process.ts';
import { temporaryDirectory } from './temporary.ts';

export interface PgBouncerOptions {
  /** The database behind it, with user and password. */
  readonly databaseUrl: string;
  /** Most connections to the server, for all clients together. */
  readonly poolSize: number;
}

/**
 * A real PgBouncer on 127.0.0.1 in transaction mode, as hosted poolers are: a connection of the server serves a client
 * for one transaction, and what a session remembers is another session's next. `url` needs no password. Rejects in plain
 * words when the program is missing.
 */
export async function startPgBouncer({ databaseUrl, poolSize }: PgBouncerOptions): Promise<RunningServer> {
  const server = new URL(databaseUrl);
  const name = server.pathname.slice(1);
  const home = await temporaryDirectory('pgbouncer');
  const port = await freePort();
  const account = await serverAccount();
  const files = {
    'users.txt': `"${server.username}" ""\n`,
    'pgbouncer.ini': configuration({ server, name, port, poolSize, home }),
  };
  for (const [file, content] of Object.entries(files)) {
    await writeFile(join(home, file), content, { mode: 0o600 });
    if (account !== undefined) await chown(join(home, file), account.uid, account.gid);
  }
  if (account !== undefined) await chown(home, account.uid, account.gid);
  await chmod(home, 0o700);
  const discard = () => rm(home, { recursive: true, force: true });
  try {
    const child = await startProcess({
      name: 'PgBouncer',
      command: 'pgbouncer',
      args: [join(home, 'pgbouncer.ini')],
      // Debian keeps it where only root's PATH looks.
      env: { PATH: `${process.env.PATH ?? ''}:/usr/sbin` },
      account,
      isReady: (line) => line.includes('process up'),
    });
    const stop = async () => {
      await child.stop();
      await discard();
    };
    const { username } = server;
    return { ...child, port, url: `postgres://${username}@127.0.0.1:${port}/${name}`, stop };
  } catch (error) {
    await discard();
    throw error;
  }
}

interface Settings {
  readonly server: URL;
  readonly name: string;
  readonly port: number;
  readonly poolSize: number;
  readonly home: string;
}

/** pgbouncer.org/config.html; whatever a client may need more connections for, it waits. */
function configuration({ server, name, port, poolSize, home }: Settings): string {
  const password = decodeURIComponent(server.password);
  return `[databases]
${name} = host=${server.hostname} port=${server.port} dbname=${name} user=${server.username} password='${password}'
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${join(home, 'users.txt')}
pool_mode = transaction
default_pool_size = ${poolSize}
max_client_conn = 500
server_lifetime = 60
`;
}
