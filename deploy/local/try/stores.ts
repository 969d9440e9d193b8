import { Redis } from 'ioredis';
import postgres from 'postgres';
import type { Haystack } from './search.ts';

const CONNECT_TIMEOUT_MS = 5_000;
/** Keys or rows fetched at once. */
const BATCH = 500;

/** How the whole value of each type is read. */
const READS: Readonly<Record<string, readonly string[]>> = {
  string: ['GET'],
  hash: ['HGETALL'],
  list: ['LRANGE', '0', '-1'],
  set: ['SMEMBERS'],
  zset: ['ZRANGE', '0', '-1', 'WITHSCORES'],
  stream: ['XRANGE', '-', '+'],
};

/** Every key and value of one Redis, and the names of the channels somebody listens to. Throws on an unknown type. */
export async function* redisContents(url: string): AsyncGenerator<Haystack> {
  const redis = new Redis(url, {
    lazyConnect: true,
    protocol: 2,
    connectTimeout: CONNECT_TIMEOUT_MS,
    maxRetriesPerRequest: 1,
    retryStrategy: () => null,
  });
  // What goes wrong comes with the command; ioredis only wants somebody to listen.
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    let cursor = '0';
    do {
      const [next, keys] = await redis.scanBuffer(cursor, 'COUNT', BATCH);
      for (const key of keys) yield* redisEntry(redis, key);
      cursor = next.toString();
    } while (cursor !== '0');
    for (const command of ['CHANNELS', 'SHARDCHANNELS'])
      yield* flatten(`Redis pubsub ${command.toLowerCase()}`, await redis.callBuffer('PUBSUB', command));
  } finally {
    redis.disconnect();
  }
}

async function* redisEntry(redis: Redis, key: Buffer): AsyncGenerator<Haystack> {
  const where = `Redis ${key.toString()}`;
  yield { where: `${where} (key)`, bytes: key };
  const type = await redis.type(key);
  if (type === 'none') return; // It expired since the scan.
  const read = READS[type];
  if (read === undefined) throw new Error(`Cannot search ${where}: it is a ${type}`);
  const [command = '', ...rest] = read;
  yield* flatten(where, await redis.callBuffer(command, key, ...rest));
}

function* flatten(where: string, value: unknown): Generator<Haystack> {
  if (value instanceof Uint8Array) yield { where, bytes: value };
  else if (Array.isArray(value)) for (const item of value) yield* flatten(where, item);
  else if (value !== null && value !== undefined) yield { where, bytes: Buffer.from(String(value)) };
}

/** Every row of every table outside the system's own schemas, as text; binary columns come as hex. */
export async function* postgresContents(url: string): AsyncGenerator<Haystack> {
  const sql = postgres(url, {
    max: 1,
    prepare: false,
    connect_timeout: CONNECT_TIMEOUT_MS / 1_000,
    onnotice: () => undefined,
  });
  try {
    const tables = await sql<{ schema: string; name: string }[]>`
      select table_schema as schema, table_name as name from information_schema.tables
      where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')`;
    for (const { schema, name } of tables) {
      const rows = sql<{ row: string }[]>`select t::text as row from ${sql(schema)}.${sql(name)} t`;
      for await (const batch of rows.cursor(BATCH))
        for (const { row } of batch) yield { where: `Postgres ${schema}.${name}`, bytes: Buffer.from(row) };
    }
  } finally {
    await sql.end({ timeout: 1 });
  }
}
