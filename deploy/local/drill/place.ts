/** What the drill destroys and builds again: servers of its own, on ports that stay. */
import { chown, lstat, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../ports.ts';
import { serverAccount } from '../servers/account.ts';
import { startPostgres } from '../servers/postgres.ts';
import type { RunningServer } from '../servers/process.ts';
import { startRedis } from '../servers/redis.ts';
import { type Stack, startStack } from '../stack.ts';

export class Place {
  readonly home: string;
  readonly edgePort: number;
  readonly #redisPort: number;
  readonly #redisPassword = 'drill';
  #redis: RunningServer | undefined;
  #postgres: RunningServer | undefined;
  #stack: Stack | undefined;

  private constructor(home: string, ports: { edge: number; redis: number }) {
    this.home = home;
    this.edgePort = ports.edge;
    this.#redisPort = ports.redis;
  }

  static async open(home: string): Promise<Place> {
    return new Place(home, { edge: await freePort(), redis: await freePort() });
  }

  get edgeUrl(): string {
    return `http://127.0.0.1:${this.edgePort}`;
  }

  get databaseUrl(): string {
    if (this.#postgres === undefined) throw new Error('There is no database');
    return this.#postgres.url;
  }

  async startRedis(): Promise<void> {
    this.#redis = await startRedis({ port: this.#redisPort, password: this.#redisPassword });
  }

  /** SIGKILL, and nothing it held comes back. */
  async loseRedis(): Promise<void> {
    if (this.#redis === undefined) return;
    process.kill(this.#redis.pid, 'SIGKILL');
    await this.#redis.ended;
    await this.#redis.stop();
    await this.startRedis();
  }

  /** A new, empty server, unless its directory was prepared. */
  async startPostgres(name: string): Promise<void> {
    this.#postgres = await startPostgres({ dir: this.#postgresHome(name) });
  }

  /** SIGKILL, and its data is gone. */
  async losePostgres(name: string): Promise<void> {
    if (this.#postgres === undefined) return;
    process.kill(this.#postgres.pid, 'SIGKILL');
    await this.#postgres.ended;
    await rm(this.#postgresHome(name), { recursive: true, force: true });
  }

  async stopPostgres(): Promise<void> {
    await this.#postgres?.stop();
  }

  /** Makes a server's directory of a prepared data directory, with the password the old server had. */
  async adopt(name: string, prepare: (data: string) => Promise<void>): Promise<void> {
    const home = this.#postgresHome(name);
    const password = decodeURIComponent(new URL(this.databaseUrl).password);
    await mkdir(home, { recursive: true, mode: 0o700 });
    await prepare(join(home, 'data'));
    await writeFile(join(home, 'password'), password, { mode: 0o600 });
    await writeFile(join(home, 'initialised'), '');
    await this.#giveAway(home);
  }

  /** PostgreSQL's account fetches the log by itself. */
  async giveArchive(directory: string): Promise<void> {
    await this.#giveAway(directory);
  }

  async #giveAway(path: string): Promise<void> {
    const account = await serverAccount();
    if (account !== undefined) await chownAll(path, account);
  }

  async startStack(): Promise<void> {
    this.#stack = await startStack({
      dir: join(this.home, 'stack'),
      ports: { edge: this.edgePort },
      given: {
        databaseUrl: this.databaseUrl,
        relayUrl: `redis://:${this.#redisPassword}@127.0.0.1:${this.#redisPort}`,
        webOrigins: [],
        originEnv: {},
      },
    });
  }

  async stopStack(): Promise<void> {
    await this.#stack?.stop();
    this.#stack = undefined;
  }

  async stop(): Promise<void> {
    await this.stopStack();
    await this.stopPostgres();
    await this.#redis?.stop();
  }

  #postgresHome(name: string): string {
    return join(this.home, `postgres-${name}`);
  }
}

async function chownAll(path: string, { uid, gid }: { uid: number; gid: number }): Promise<void> {
  await chown(path, uid, gid);
  if ((await lstat(path)).isDirectory())
    for (const name of await readdir(path)) await chownAll(join(path, name), { uid, gid });
}
