/**
 * Which server of the relay holds which partition: one for all on a single Redis, the masters on a Cluster. What the
 * given addresses lead to is asked, not configured.
 *
 * On a Cluster it is asked again every few seconds, and at once when somebody noticed a change (a redirection, a lost
 * connection); however many notice, one question is under way, and the next waits with capped full jitter until one
 * brings something new. Each question opens a connection of its own, to another server every time, so that no dead or
 * outdated one can keep this node in the dark.
 */
import { Redis } from 'ioredis';
import { backoffMs } from '../../shared/backoff.ts';
import { Failure } from '../../shared/failure.ts';
import { errorFields, type Log } from '../../shared/log.ts';
import { PARTITION_SLOTS } from './partitions.ts';

/** A healthy server answers in milliseconds; a dead one must not hold up the question to the next. */
const ANSWER_DEADLINE_MS = 1_000;
const REFRESH_INTERVAL_MS = 5_000;
/** A question so long after the one before is the first of its kind, and need not wait. */
const CALM_MS = 2_000;

export interface TopologyOptions {
  /** Any nodes of a Cluster, or one single server. */
  readonly urls: readonly string[];
  readonly log: Log;
}

/** URL of the server of each partition; undefined where nobody serves it. */
export type Owners = readonly (string | undefined)[];

export class RedisTopology {
  readonly #options: TopologyOptions;
  readonly #listeners: (() => void)[] = [];
  #owners: Owners | undefined;
  #isCluster = false;
  #refreshing: Promise<void> | undefined;
  #attempt = 0;
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #turn = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  constructor(options: TopologyOptions) {
    this.#options = options;
  }

  /** Undefined until the first server has answered. */
  get owners(): Owners | undefined {
    return this.#owners;
  }

  /** `listener` runs after each change of the owners. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Resolves once the owners are known; rejects with `unavailable` after `deadlineMs`. */
  async ready(deadlineMs: number): Promise<void> {
    const endMs = performance.now() + deadlineMs;
    while (this.#owners === undefined && performance.now() < endMs && !this.#isClosed) await this.refresh();
    if (this.#owners === undefined) throw new Failure('unavailable', { detail: 'The relay does not answer' });
    if (this.#isCluster && this.#timer === undefined) this.#schedule();
  }

  /** Resolves when a question that is asked from now on, or is under way, has been answered or has failed. Never rejects. */
  refresh(address?: string): Promise<void> {
    if (this.#isClosed || (this.#owners !== undefined && !this.#isCluster)) return Promise.resolve();
    this.#refreshing ??= this.#refresh(address).finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  /** `host:port` as a URL with the credentials of the given ones. */
  urlOf(address: string): string {
    const url = new URL(this.#options.urls[0] ?? '');
    const colon = address.lastIndexOf(':');
    // A server that knows no address of its own says nothing before the colon.
    if (colon > 0) url.hostname = bracketed(address.slice(0, colon));
    url.port = address.slice(colon + 1);
    return url.href;
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    this.#timer = setTimeout(() => {
      void this.refresh().then(() => {
        if (!this.#isClosed) this.#schedule();
      });
    }, REFRESH_INTERVAL_MS);
  }

  async #refresh(address: string | undefined): Promise<void> {
    if (performance.now() - this.#askedAtMs > CALM_MS) this.#attempt = 0;
    if (this.#attempt > 0) await this.#wait(backoffMs(this.#attempt, { baseMs: 50, capMs: 1_000 }));
    this.#attempt += 1;
    this.#askedAtMs = performance.now();
    if (this.#isClosed) return;
    for (const url of this.#candidates(address)) {
      try {
        return this.#learn(await this.#ask(url));
      } catch (error) {
        this.#options.log('warn', 'relay.topology_failed', { part: 'relay', ...errorFields(error) });
      }
      if (this.#isClosed) return;
    }
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => void setTimeout(resolve, ms));
  }

  /** Whoever was pointed at first; then all others, beginning with another one each time. */
  #candidates(address: string | undefined): Set<string> {
    const known = [...new Set([...(this.#owners ?? []), ...this.#options.urls])];
    this.#turn += 1;
    const from = this.#turn % known.length;
    const turned = [...known.slice(from), ...known.slice(0, from)];
    const urls = [...(address === undefined ? [] : [this.urlOf(address)]), ...turned];
    return new Set(urls.filter((url) => url !== undefined));
  }

  #learn(owners: Owners): void {
    if (this.#isClosed) return;
    const isSame = owners.every((url, partition) => url === this.#owners?.[partition]);
    if (isSame && this.#owners !== undefined) return;
    this.#attempt = 0;
    this.#owners = owners;
    for (const listener of this.#listeners) listener();
  }

  async #ask(url: string): Promise<Owners> {
    const redis = new Redis(url, {
      protocol: 2,
      connectionName: 'hushwire-topology',
      lazyConnect: true,
      retryStrategy: null,
      connectTimeout: ANSWER_DEADLINE_MS,
      commandTimeout: ANSWER_DEADLINE_MS,
    });
    // Told by the rejection of what is awaited below.
    redis.on('error', () => undefined);
    try {
      await redis.connect();
      this.#isCluster = /^redis_mode:cluster/m.test(await redis.info('server'));
      if (this.#isCluster) return this.#read(await redis.cluster('SLOTS'), url);
      // Nodes that each took another of them would not hear each other.
      if (this.#options.urls.length > 1) throw new TypeError('Several addresses, but no Cluster');
      return PARTITION_SLOTS.map(() => url);
    } finally {
      redis.disconnect();
    }
  }

  /** CLUSTER SLOTS: first slot, last slot, then the master as address, port, … and its replicas. */
  #read(reply: unknown, askedUrl: string): Owners {
    const ranges = reply as [number, number, [string | null, number]][];
    return PARTITION_SLOTS.map((slot) => {
      const range = ranges.find(([first, last]) => slot >= first && slot <= last);
      const [host, port] = range?.[2] ?? ['?', 0];
      if (host === '?') return undefined;
      return this.urlOf(`${host || new URL(askedUrl).hostname}:${port}`);
    });
  }
}

function bracketed(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}
