/**
 * One connection to one server of the relay, with the manners the core relies on: no offline queue, nothing re-sent
 * behind the caller's back, reconnects with capped full jitter for as long as the process lives, and a liveness check,
 * because a stalled TCP connection reports nothing by itself.
 *
 * `runId` names the server life this connection speaks to; it is undefined until the server has told it, and from the
 * moment the connection breaks. Commands that depend on it must not be sent while it is undefined.
 */
import { Redis } from 'ioredis';
import { backoffMs } from '../../shared/backoff.ts';
import { Failure } from '../../shared/failure.ts';
import { errorFields, type Log } from '../../shared/log.ts';

/** A command unanswered for this long means the connection is dead: reconnecting beats waiting for TCP. */
const ANSWER_DEADLINE_MS = 3_000;
const CHECK_INTERVAL_MS = 1_000;
const CONNECT_TIMEOUT_MS = 2_000;
/** A stalled peer never answers our FIN; reconnecting must not wait for it. */
const DISCONNECT_TIMEOUT_MS = 100;

export interface LinkOptions {
  readonly url: string;
  readonly name: 'commands' | 'subscriptions' | 'control';
  readonly log: Log;
  /** Runs after every (re)connect, before the link counts as ready and tells the run id by itself. */
  readonly prepare?: (link: RedisLink, runId: string) => Promise<void>;
  /** Runs at every end of a connection and every attempt that failed. */
  readonly onClosed?: () => void;
}

export class RedisLink {
  readonly url: string;
  readonly redis: Redis;
  readonly #options: LinkOptions;
  readonly #check: ReturnType<typeof setInterval>;
  #runId: string | undefined;
  #roundTripMs: number | undefined;
  #isChecking = false;
  #isClosed = false;
  #waiting: (() => void)[] = [];

  constructor(options: LinkOptions) {
    this.#options = options;
    this.url = options.url;
    this.redis = new Redis(options.url, {
      protocol: 2,
      connectionName: `hushwire-${options.name}`,
      connectTimeout: CONNECT_TIMEOUT_MS,
      disconnectTimeout: DISCONNECT_TIMEOUT_MS,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      autoResubscribe: false,
      autoResendUnfulfilledCommands: false,
      retryStrategy: (attempt) => 50 + backoffMs(attempt, { baseMs: 100, capMs: 2_000 }),
    });
    this.redis.on('error', (error: unknown) => this.#warn('relay.error', error));
    this.redis.on('ready', () => void this.#becomeReady());
    this.redis.on('close', () => this.#lose());
    this.#check = setInterval(() => void this.#checkAlive(), CHECK_INTERVAL_MS);
  }

  /** The server's run id, or undefined while the link is not ready. */
  get runId(): string | undefined {
    return this.#runId;
  }

  /** Last measured round trip in milliseconds; undefined while the link is not ready. */
  get roundTripMs(): number | undefined {
    return this.#runId === undefined ? undefined : this.#roundTripMs;
  }

  /** Resolves once the link is ready; rejects with `unavailable` after `deadlineMs`. */
  ready(deadlineMs: number): Promise<void> {
    if (this.#runId !== undefined) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const late = () => reject(new Failure('unavailable', { detail: 'The relay does not answer' }));
      const timer = setTimeout(late, deadlineMs);
      this.#waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** Gives this connection up and opens another one. */
  renew(): void {
    if (!this.#isClosed) this.redis.disconnect(true);
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#check);
    this.#runId = undefined;
    this.redis.disconnect(false);
  }

  async #becomeReady(): Promise<void> {
    try {
      const started = performance.now();
      const info = await this.redis.info('server');
      this.#roundTripMs = performance.now() - started;
      const runId = /^run_id:([0-9a-f]+)/m.exec(info)?.[1];
      if (runId === undefined) throw new TypeError('Cannot read the run id of the relay');
      await this.#options.prepare?.(this, runId);
      if (this.#isClosed) return;
      this.#runId = runId;
      for (const wake of this.#waiting.splice(0)) wake();
    } catch (error) {
      this.#warn('relay.not_ready', error);
      this.renew();
    }
  }

  #lose(): void {
    if (this.#runId !== undefined) this.#options.log('warn', 'relay.lost', { part: 'relay' });
    this.#runId = undefined;
    if (!this.#isClosed) this.#options.onClosed?.();
  }

  async #checkAlive(): Promise<void> {
    if (this.#runId === undefined || this.#isChecking) return;
    this.#isChecking = true;
    const started = performance.now();
    const deadline = setTimeout(() => this.renew(), ANSWER_DEADLINE_MS);
    try {
      await this.redis.ping();
      this.#roundTripMs = performance.now() - started;
    } catch (error) {
      this.#warn('relay.ping_failed', error);
    } finally {
      clearTimeout(deadline);
      this.#isChecking = false;
    }
  }

  #warn(event: string, error: unknown): void {
    if (!this.#isClosed) this.#options.log('warn', event, { part: 'relay', ...errorFields(error) });
  }
}
