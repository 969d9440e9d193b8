/** Everywhere something may have been left, each place by its name. */
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import postgres from 'postgres';
import type { Stack } from '../stack.ts';
import type { Haystack } from '../try/search.ts';
import { postgresContents, redisContents } from '../try/stores.ts';

export interface SearchedPlace {
  readonly name: string;
  /** What is there now. */
  read(): AsyncIterable<Haystack>;
  /** Leaves these there, each as a leak would. */
  plant(leaks: readonly Buffer[]): Promise<void>;
}

export interface PlaceOptions {
  readonly stack: Stack;
  readonly edgeMetricsUrl: string;
}

/** The places of a stack; what is planted in Redis and Postgres goes to the servers themselves. */
export function placesOf({ stack, edgeMetricsUrl }: PlaceOptions): SearchedPlace[] {
  const { redisUrl, databaseUrl, nodes } = stack;
  const logs = [
    ...nodes.map(({ node, lines }) => ({ name: node, lines })),
    { name: 'edge', lines: stack.edgeLines },
  ];
  const origins = nodes.flatMap(({ node, healthUrl }) =>
    ['/metrics', '/healthz'].map((path) => ({ where: `${node} ${path}`, url: `${healthUrl}${path}` })),
  );
  const told = [
    ...origins,
    { where: 'edge /healthz', url: `${stack.edgeUrl}/healthz` },
    { where: 'edge /metrics', url: edgeMetricsUrl },
  ];
  return [
    {
      name: 'Redis: keys, values, who listens to what',
      read: () => redisContents(redisUrl),
      plant: (leaks) => onRedis(redisUrl, (redis) => redis.rpush('planted', ...leaks)),
    },
    {
      name: 'Redis: what it writes to disk',
      read: () => redisDump(redisUrl),
      plant: (leaks) => onRedis(redisUrl, (redis) => redis.sadd('planted:set', ...leaks)),
    },
    { name: 'Postgres: rows', read: () => postgresContents(databaseUrl), plant: plantRows(databaseUrl) },
    ...(hasPgDump() ? [dumped(databaseUrl)] : []),
    remembered('logs of the edge and the nodes', async function* () {
      for (const { name, lines } of logs)
        for (const line of lines) yield { where: `log of ${name}`, bytes: Buffer.from(line) };
    }),
    remembered('metrics and health', async function* () {
      for (const { where, url } of told) yield { where, bytes: Buffer.from(await (await fetch(url)).text()) };
    }),
    remembered('environment of the nodes', async function* () {
      for (const { node, pid } of nodes)
        yield { where: `environment of ${node}`, bytes: await readFile(`/proc/${pid}/environ`) };
    }),
  ];
}

/** A place nobody but its process writes to: what is planted is read behind what it wrote. */
function remembered(name: string, read: () => AsyncIterable<Haystack>): SearchedPlace {
  const planted: Haystack[] = [];
  return {
    name,
    read: async function* () {
      yield* read();
      yield* planted;
    },
    plant: async (leaks) => {
      planted.push(...leaks.map((bytes) => ({ where: `${name}, planted`, bytes })));
    },
  };
}

async function onRedis(url: string, run: (redis: Redis) => Promise<unknown>): Promise<void> {
  const redis = new Redis(url, { maxRetriesPerRequest: 1 });
  redis.on('error', () => undefined);
  try {
    await run(redis);
  } finally {
    redis.disconnect();
  }
}

/** The RDB file, without the compression that would hide what is in it. */
async function* redisDump(url: string): AsyncGenerator<Haystack> {
  let file = '';
  await onRedis(url, async (redis) => {
    await redis.config('SET', 'rdbcompression', 'no');
    await redis.save();
    const [, dir] = (await redis.config('GET', 'dir')) as [string, string];
    const [, name] = (await redis.config('GET', 'dbfilename')) as [string, string];
    file = join(dir, name);
  });
  yield { where: 'RDB file', bytes: await readFile(file) };
}

/** Text cannot hold every byte; what is no text comes as the hex in which Postgres writes bytes. */
function plantRows(url: string): SearchedPlace['plant'] {
  return async (leaks) => {
    const sql = postgres(url, { max: 1, onnotice: () => undefined });
    try {
      await sql`create schema if not exists planted`;
      await sql`create table if not exists planted.leaks (leak text)`;
      const texts = leaks.map((bytes) =>
        isPrintable(bytes) ? bytes.toString('latin1') : `\\x${bytes.toString('hex')}`,
      );
      await sql`insert into planted.leaks select unnest(${texts}::text[])`;
    } finally {
      await sql.end({ timeout: 1 });
    }
  };
}

function isPrintable(bytes: Buffer): boolean {
  return bytes.every((byte) => byte >= 0x20 && byte < 0x7f);
}

function hasPgDump(): boolean {
  return spawnSync('pg_dump', ['--version']).status === 0;
}

function dumped(url: string): SearchedPlace {
  return {
    name: 'Postgres: a dump',
    read: async function* () {
      const { stdout, status, stderr } = spawnSync('pg_dump', ['--dbname', url], { maxBuffer: 1 << 30 });
      if (status !== 0) throw new Error(`pg_dump failed: ${stderr.toString().split('\n')[0]}`);
      yield { where: 'pg_dump', bytes: stdout };
    },
    plant: plantRows(url),
  };
}
