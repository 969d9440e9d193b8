import { type ChainableCommander, Redis, ReplyError } from 'ioredis';

/** One Redis command: its name, then its arguments, all as text. */
export type Command = readonly [name: string, ...args: string[]];
/** A reply as ioredis gives it when nothing is transformed. */
export type Reply = Buffer | string | number | null | Error | readonly Reply[];
/** What one command of a batch came to. */
export type Outcome = { readonly reply: Reply } | { readonly error: string };

/** Redis refused the command or the request was not one: the caller's mistake, told in its own words. */
export class CommandRefused extends Error {}

/** Runs commands on one shared connection. Rejects with CommandRefused, or with a network error of ioredis. */
export interface Commands {
  one(command: Command): Promise<Reply>;
  /** One outcome for each command, in order; a command that fails does not stop the others. */
  pipeline(commands: readonly Command[]): Promise<readonly Outcome[]>;
  /** The same inside MULTI and EXEC; refuses as a whole when Redis discards it. */
  transaction(commands: readonly Command[]): Promise<readonly Outcome[]>;
  close(): void;
}

/** Longest pause before a reconnect: a local server is back at once or not at all. */
const RECONNECT_MAX_MS = 1_000;
const CONNECT_TIMEOUT_MS = 5_000;
/** ioredis waits this long for the end of a connection even when it ended before, which keeps a process from ending. */
const DISCONNECT_TIMEOUT_MS = 100;

/**
 * What must not run on a connection that all callers share: it would block it, change its state for the next caller,
 * or switch it to another mode; and what administers the server. The hosted service refuses these as well.
 */
const REFUSED = new Set(
  `ACL ASKING AUTH BGREWRITEAOF BGSAVE BLMOVE BLMPOP BLPOP BRPOP BRPOPLPUSH BZMPOP BZPOPMAX BZPOPMIN CLIENT CLUSTER
  CONFIG DEBUG DISCARD EXEC FAILOVER HELLO LATENCY MIGRATE MODULE MONITOR MULTI PSUBSCRIBE PSYNC PUNSUBSCRIBE QUIT
  READONLY READWRITE REPLICAOF REPLCONF RESET RESTORE-ASKING SAVE SELECT SHUTDOWN SLAVEOF SLOWLOG SSUBSCRIBE SUBSCRIBE
  SUNSUBSCRIBE SWAPDB SYNC UNSUBSCRIBE UNWATCH WAIT WAITAOF WATCH`.split(/\s+/),
);
const STREAM_READS = new Set(['XREAD', 'XREADGROUP']);

/** Connects; rejects when the server does not answer. */
export async function connectCommands(redisUrl: string): Promise<Commands> {
  const redis = new Redis(redisUrl, {
    lazyConnect: true,
    connectTimeout: CONNECT_TIMEOUT_MS,
    disconnectTimeout: DISCONNECT_TIMEOUT_MS,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (times) => Math.min(times * 50, RECONNECT_MAX_MS),
    // RESP3 would give pairs and maps where the REST interface has flat lists.
    protocol: 2,
  });
  // Each command in flight rejects with it too, and that is where it is answered.
  redis.on('error', () => undefined);
  try {
    await redis.connect();
  } catch (error) {
    // Without this it would go on trying for ever.
    redis.disconnect();
    throw error;
  }
  return {
    one: async (command) => {
      const [name, ...args] = allowed(command);
      return (await asRefusal(redis.callBuffer(name, ...args))) as Reply;
    },
    pipeline: (commands) => runBatch(redis.pipeline(), commands),
    transaction: (commands) => runBatch(redis.multi(), commands),
    close: () => redis.disconnect(),
  };
}

async function runBatch(
  batch: ChainableCommander,
  commands: readonly Command[],
): Promise<readonly Outcome[]> {
  for (const command of commands) {
    const [name, ...args] = allowed(command);
    batch.callBuffer(name, ...args);
  }
  const rows = await asRefusal(batch.exec());
  if (rows === null) throw new CommandRefused('EXECABORT Transaction discarded');
  return rows.map(([error, reply]) => {
    if (error === null) return { reply: reply as Reply };
    if (isReplyError(error)) return { error: error.message };
    throw error;
  });
}

/** Upper case: ioredis reshapes replies (HGETALL, for one) by the lower-case name, even in `call`. */
function allowed([name, ...args]: Command): Command {
  const upper = name.toUpperCase();
  const blocks = STREAM_READS.has(upper) && args.some((argument) => argument.toUpperCase() === 'BLOCK');
  if (REFUSED.has(upper) || blocks) throw new CommandRefused(`ERR Command is not available: '${upper}'`);
  return [upper, ...args];
}

async function asRefusal<T>(reply: Promise<T>): Promise<T> {
  try {
    return await reply;
  } catch (error) {
    if (isReplyError(error)) throw new CommandRefused(error.message);
    throw error;
  }
}

/** ioredis exports the class as a value of no type. */
function isReplyError(error: unknown): error is Error {
  return error instanceof (ReplyError as unknown as new () => Error);
}
