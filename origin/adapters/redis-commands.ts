/**
 * All commands of this node, each to the server that holds its partition. What one loop tick asks for goes out together:
 * one pipeline for each server.
 */
import { Failure } from '../../shared/failure.ts';
import type { RedisLink } from './redis-link.ts';
import {
  type Argument,
  type Call,
  type Redirected,
  runCalls,
  type Script,
  type ScriptCall,
  translate,
} from './redis-scripts.ts';
import type { RedisShards } from './redis-shards.ts';

/** How often a call may be sent on. A Cluster that needs more is in the middle of a change: the client retries. */
const REDIRECTIONS_MAX = 2;

export class RedisCommands {
  readonly #shards: RedisShards;
  readonly #sources: (() => readonly Call[])[] = [];
  #queued: Call[] = [];
  #isScheduled = false;
  #pending = 0;

  constructor(shards: RedisShards) {
    this.#shards = shards;
  }

  /** Slowest of the last measured round trips in milliseconds; undefined while a server is away. */
  get roundTripMs(): number | undefined {
    return this.#shards.roundTripMs;
  }

  /** Pipelines that are sent and not answered yet. */
  get pending(): number {
    return this.#pending;
  }

  /** Adds a place to fetch calls from at the end of every tick for which `schedule` was called. */
  addSource(source: () => readonly Call[]): void {
    this.#sources.push(source);
  }

  schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#flush());
  }

  /** Runs one command; throws `unavailable`. */
  ask(partition: number, command: string, ...args: readonly Argument[]): Promise<unknown> {
    return this.#queue((settle) => ({ partition, command, args, settle }));
  }

  /** Runs one script; throws `unavailable`. */
  run(script: Script, call: Pick<ScriptCall, 'partition' | 'keys' | 'args'>): Promise<unknown> {
    return this.#queue((settle) => ({ ...call, script, settle }));
  }

  #queue(make: (settle: Call['settle']) => Call): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const settle = (error: unknown, reply: unknown) =>
        error === undefined ? resolve(reply) : reject(translate(error));
      this.#queued.push(make(settle));
      this.schedule();
    });
  }

  #flush(): void {
    this.#isScheduled = false;
    const queued = this.#queued;
    this.#queued = [];
    this.#send([...this.#sources.flatMap((source) => source()), ...queued], 0);
  }

  /** Never throws; every call is settled in the end. */
  #send(calls: readonly Call[], redirections: number): void {
    const groups = new Map<RedisLink | undefined, Call[]>();
    for (const call of calls) {
      const link = this.#shards.of(call.partition);
      const group = groups.get(link);
      if (group === undefined) groups.set(link, [call]);
      else group.push(call);
    }
    for (const [link, group] of groups) {
      if (link === undefined) refuse(group);
      else void this.#runOn(link, group, redirections);
    }
  }

  async #runOn(link: RedisLink, calls: readonly Call[], redirections: number): Promise<void> {
    this.#pending += 1;
    const redirected = await runCalls(link, calls);
    this.#pending -= 1;
    await this.#redirect(redirected, redirections + 1);
  }

  async #redirect(redirected: readonly Redirected[], redirections: number): Promise<void> {
    if (redirected.length === 0) return;
    const asked = redirected.filter(({ kind }) => kind === 'ask');
    const moved = redirected.filter(({ kind }) => kind === 'moved');
    for (const { call, address } of asked) void this.#askAt(address, call);
    const [first] = moved;
    if (first === undefined) return;
    const calls = moved.map(({ call }) => call);
    if (redirections > REDIRECTIONS_MAX) return refuse(calls);
    await this.#shards.refresh(first.address);
    this.#send(calls, redirections);
  }

  async #askAt(address: string, call: Call): Promise<void> {
    const link = this.#shards.at(address);
    if (link === undefined) return refuse([call]);
    const redirected = await runCalls(link, [call], { isAsked: true });
    refuse(redirected.map((one) => one.call));
  }
}

function refuse(calls: readonly Call[]): void {
  const away = new Failure('unavailable', { detail: 'The relay is away' });
  for (const call of calls) call.settle(away, undefined);
}
