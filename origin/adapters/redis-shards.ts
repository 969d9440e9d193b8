/** One connection of a kind to each server of the relay, or to one partition's, following the topology. */
import { Failure } from '../../shared/failure.ts';
import type { RedisLink } from './redis-link.ts';
import type { RedisTopology } from './redis-topology.ts';

export interface ShardsOptions {
  readonly topology: RedisTopology;
  /** Opens the connection to one server; `onClosed` must be handed on. */
  readonly open: (url: string, onClosed: () => void) => RedisLink;
  /** The only partition these connections are for; all of them by default. */
  readonly only?: number | undefined;
}

export class RedisShards {
  readonly #options: ShardsOptions;
  readonly #links = new Map<string, RedisLink>();
  #owners: readonly (RedisLink | undefined)[] = [];
  #onMoved: (partitions: readonly number[]) => void = () => undefined;

  constructor(options: ShardsOptions) {
    this.#options = options;
    options.topology.onChange(() => this.#follow());
  }

  /** Connection to the server of a partition; undefined while nobody serves it. It may be away. */
  of(partition: number): RedisLink | undefined {
    return this.#owners[partition];
  }

  /** Connection to the server at `host:port`, if it holds any partition. */
  at(address: string): RedisLink | undefined {
    return this.#links.get(this.#options.topology.urlOf(address));
  }

  /** Partitions whose server this connection leads to. */
  partitionsOf(link: RedisLink): readonly number[] {
    return [...this.#owners.keys()].filter((partition) => this.#owners[partition] === link);
  }

  get links(): Iterable<RedisLink> {
    return this.#links.values();
  }

  /** Slowest of the last measured round trips in milliseconds; undefined while a partition is not served. */
  get roundTripMs(): number | undefined {
    let slowest: number | undefined;
    for (const { roundTripMs } of this.#links.values()) {
      if (roundTripMs === undefined) return undefined;
      slowest = Math.max(slowest ?? 0, roundTripMs);
    }
    return this.#isUnserved() ? undefined : slowest;
  }

  /** `listener` is told which partitions changed their server, after `of` gives the new one. */
  onMoved(listener: (partitions: readonly number[]) => void): void {
    this.#onMoved = listener;
  }

  /** Resolves once every server answers; rejects with `unavailable` after `deadlineMs`. */
  async ready(deadlineMs: number): Promise<void> {
    await this.#options.topology.ready(deadlineMs);
    if (this.#isUnserved()) throw new Failure('unavailable', { detail: 'A part of the relay is not served' });
    await Promise.all([...this.#links.values()].map((link) => link.ready(deadlineMs)));
  }

  /** Looks for the servers anew, at `host:port` first; resolves when that is done. Never rejects. */
  refresh(address?: string): Promise<void> {
    return this.#options.topology.refresh(address);
  }

  close(): void {
    for (const link of this.#links.values()) link.close();
  }

  /** Whether a partition that is wanted has no server. */
  #isUnserved(): boolean {
    const { only } = this.#options;
    return only === undefined ? this.#owners.includes(undefined) : this.#owners[only] === undefined;
  }

  #follow(): void {
    const { topology, only } = this.#options;
    const all = topology.owners ?? [];
    const owners = only === undefined ? all : all.map((url, i) => (i === only ? url : undefined));
    const before = this.#owners;
    for (const url of new Set(owners)) if (url !== undefined) this.#open(url);
    this.#owners = owners.map((url) => (url === undefined ? undefined : this.#links.get(url)));
    for (const [url, link] of this.#links) {
      if (owners.includes(url)) continue;
      this.#links.delete(url);
      link.close();
    }
    const moved = [...this.#owners.keys()].filter(
      (partition) => before[partition] !== this.#owners[partition],
    );
    this.#onMoved(moved);
  }

  #open(url: string): void {
    if (this.#links.has(url)) return;
    const { open, topology } = this.#options;
    this.#links.set(
      url,
      open(url, () => void topology.refresh()),
    );
  }
}
