/**
 * A pool of connections to Postgres whose every answer has a deadline.
 *
 * postgres.js alone waits without end in three places, each bounded here: its queue has neither length nor deadline
 * (so admission is ours, `Slots`, and the driver never holds more statements than connections); a connection whose
 * peer vanished is found out only by TCP, after a quarter of an hour; and a server that hangs up is dialled again for
 * ever (postgres-dial.ts). The second shows as a statement without an answer, although the server's own statement
 * timeout would have answered it before: then the whole pool is replaced, and the old one has as long again to finish
 * what it can. The same when the server has become a standby, to which the connections would cling for an hour.
 *
 * Behind a transaction pooler (`isPrepared: false`) there are no session settings: PgBouncer refuses connections that
 * bring a `statement_timeout`. There the operator sets it on the role (`alter role … set statement_timeout`), and our
 * deadline holds either way. Unprepared statements cost a second round trip, in which the driver asks for the types.
 */
import postgres from 'postgres';
import { Failure } from '../../shared/failure.ts';
import type { Log } from '../../shared/log.ts';
import { dial } from './postgres-dial.ts';
import { isReadOnly, toDatabaseFailure } from './postgres-failure.ts';
import { Slots } from './postgres-slots.ts';

export interface PoolOptions {
  /** `postgres://…`; `?sslmode=verify-full` for a server across a network. */
  readonly url: string;
  /** Most connections; also most statements at a time. */
  readonly max?: number;
  /** Prepared statements; false behind a transaction pooler. */
  readonly isPrepared: boolean;
  readonly log: Log;
  readonly limits?: Readonly<Record<keyof typeof POOL_LIMITS, number>>;
}

/** Supabase's smallest instances allow 60 connections: two nodes of 20 leave room for migrations and people. */
const POOL_MAX = 20;
const IDLE_SECONDS = 30;
const CONNECT_TIMEOUT_SECONDS = 2;
/** The driver's own pause grows to 20 s, and statements sent meanwhile wait with it. */
const RECONNECT_SECONDS = 0.2;

export const POOL_LIMITS = Object.freeze({
  /** Ends a statement on the server; ours take milliseconds unless something is stuck. */
  statementMs: 2_000,
  /** Above the statement timeout, so that a slow statement is told from a dead connection. */
  answerMs: 2_500,
  /** Longest wait for a connection. */
  waitMs: 1_000,
  /** At 2 ms a statement, 20 connections work off this queue in 50 ms. */
  waiting: 500,
});

/** An option the driver documents and its types leave out. */
const SOCKET: object = { socket: dial };

/** One statement of several. */
export interface Step {
  readonly statement: string;
  readonly parameters: readonly string[];
}

interface Lease {
  readonly sql: postgres.Sql;
  readonly slots: Slots;
  readonly openedMs: number;
}

export class PostgresPool {
  readonly #options: PoolOptions;
  readonly #limits: NonNullable<PoolOptions['limits']>;
  #lease: Lease;
  #isClosed = false;

  /** Connects when the first statement comes. */
  constructor(options: PoolOptions) {
    this.#options = options;
    this.#limits = options.limits ?? POOL_LIMITS;
    this.#lease = this.#open();
  }

  /** How many statements hold a connection, and how many wait for one. */
  get usage(): { readonly inUse: number; readonly waiting: number } {
    const { held, waiting } = this.#lease.slots;
    return { inUse: held, waiting };
  }

  /**
   * Runs one statement and resolves with its rows, whose shape `R` the statement decides. Parameters travel as text:
   * the statement casts them. Throws `unavailable` (nothing is known about the outcome), `conflict` or `internal`
   * (postgres-failure.ts).
   */
  async run<R extends object>(statement: string, parameters: readonly string[] = []): Promise<readonly R[]> {
    const prepare = this.#options.isPrepared;
    return this.#lend<readonly R[]>((sql) => sql.unsafe<R[]>(statement, [...parameters], { prepare }));
  }

  /**
   * Runs statements one after another in one transaction, and resolves with the rows of each. Each sees what others had
   * committed before it began (PostgreSQL manual, "Read Committed"). Throws as `run` does, and then nothing was done.
   */
  async runInOrder<R extends object>(steps: readonly Step[]): Promise<readonly (readonly R[])[]> {
    const prepare = this.#options.isPrepared;
    return this.#lend(
      (sql) =>
        sql.begin((transaction) =>
          Promise.all(
            steps.map(({ statement, parameters }) =>
              transaction.unsafe<R[]>(statement, [...parameters], { prepare }),
            ),
          ),
        ) as Promise<readonly (readonly R[])[]>, // The driver's type unwraps arrays once more than it does.
    );
  }

  async #lend<T>(use: (sql: postgres.Sql) => Promise<T>): Promise<T> {
    const lease = this.#lease;
    await lease.slots.acquire();
    const answer = use(lease.sql).finally(() => lease.slots.release());
    try {
      return await within(this.#limits.answerMs, answer, () => this.#replace(lease));
    } catch (error) {
      if (isReadOnly(error)) this.#replace(lease);
      throw toDatabaseFailure(error);
    }
  }

  /** Lets running statements end within `graceMs`, then ends every connection. */
  async close(graceMs = this.#limits.answerMs): Promise<void> {
    this.#isClosed = true;
    await this.#lease.sql.end({ timeout: graceMs / 1_000 });
  }

  #open(): Lease {
    const { url, max = POOL_MAX, isPrepared } = this.#options;
    const { statementMs, waitMs, waiting: waitingMax } = this.#limits;
    const sql = postgres(url, {
      max,
      prepare: isPrepared,
      idle_timeout: IDLE_SECONDS,
      connect_timeout: CONNECT_TIMEOUT_SECONDS,
      backoff: () => RECONNECT_SECONDS,
      // No statement passes an array, so the query for array types at each connect would be wasted.
      fetch_types: false,
      onnotice: () => undefined,
      ...SOCKET,
      connection: {
        application_name: 'hushwire-origin',
        ...(isPrepared ? { statement_timeout: statementMs } : {}),
      },
    });
    return { sql, slots: new Slots({ max, waitingMax, waitMs }), openedMs: performance.now() };
  }

  /**
   * The connections of `lease` are no use. Many statements may find that out; only the first replaces the pool, and
   * none replaces one that was opened just now: what is wrong then is not the connections.
   */
  #replace(lease: Lease): void {
    const { answerMs } = this.#limits;
    const isNew = performance.now() - lease.openedMs < answerMs;
    if (this.#isClosed || lease !== this.#lease || isNew) return;
    this.#lease = this.#open();
    this.#options.log('warn', 'postgres.replaced', { part: 'postgres', ms: answerMs });
    void lease.sql.end({ timeout: answerMs / 1_000 });
  }
}

async function within<T>(limitMs: number, answer: Promise<T>, onMissed: () => void): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      onMissed();
      reject(new Failure('unavailable', { detail: 'The store does not answer' }));
    }, limitMs);
  });
  try {
    return await Promise.race([answer, limit]);
  } finally {
    clearTimeout(timer);
  }
}
