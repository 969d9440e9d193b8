/** The Presences over Redis: one sorted set for each channel, that ends with the last of its members. */
import type { Tag } from '../../shared/frame.ts';
import { LIMITS } from '../../shared/limits.ts';
import type { Attendance, PresenceListener, Presences } from '../ports.ts';
import { partitionOf, relayKey } from './partitions.ts';
import type { RedisCommands } from './redis-commands.ts';
import { type Argument, loadScript, type Script } from './redis-scripts.ts';
import type { RedisTopics } from './redis-topics.ts';

const SHOW = loadScript('pres', 'pres-show');
const LEAVE = loadScript('pres', 'pres-leave');
const READ = loadScript('pres', 'pres-read');
/** The scripts a connection must know before it carries calls of this file. */
export const PRESENCE_SCRIPTS = [SHOW, LEAVE, READ];

const TOPIC_KIND = 'prespub';
/** Nodes repeat whom they show every 25 s (roster.ts): one repeat may be lost. */
const LIFE_MS = 60_000;
/** A change of network or of node takes a second or two; a grace is a quarter of a life at most. */
const GRACE_MS = 5_000;
const GRACE_SHARE = 1 / 4;

export interface RedisPresencesOptions {
  /** Prepared with PRESENCE_SCRIPTS. */
  readonly commands: RedisCommands;
  readonly topics: RedisTopics;
  readonly lifeMs?: number;
  readonly graceMs?: number;
  /** Most members of one channel that are here at a time. */
  readonly maxPresent?: number;
}

export class RedisPresences implements Presences {
  readonly lifeMs: number;
  readonly #options: RedisPresencesOptions;

  constructor(options: RedisPresencesOptions) {
    this.#options = options;
    this.lifeMs = options.lifeMs ?? LIFE_MS;
  }

  async show(channel: Tag, members: readonly Tag[]): Promise<readonly Tag[]> {
    const { maxPresent = LIMITS.presentPerChannel } = this.#options;
    return (await this.#run(SHOW, channel, [this.lifeMs, maxPresent, ...members])) as Tag[];
  }

  async leave(channel: Tag, member: Tag): Promise<void> {
    const { graceMs = Math.min(GRACE_MS, this.lifeMs * GRACE_SHARE) } = this.#options;
    await this.#run(LEAVE, channel, [graceMs, member]);
  }

  async read(channel: Tag): Promise<Attendance> {
    const reply = await this.#run(READ, channel, [LIMITS.presenceNames]);
    const [count, nextMs, ...members] = reply as [number, number, ...Tag[]];
    return {
      count,
      ...(nextMs < 0 ? {} : { nextMs }),
      ...(members.length === count ? { members } : {}),
    };
  }

  watch(channel: Tag): Promise<void> {
    return this.#options.topics.subscribe(TOPIC_KIND, channel);
  }

  unwatch(channel: Tag): void {
    this.#options.topics.unsubscribe(TOPIC_KIND, channel);
  }

  listen(listener: PresenceListener): void {
    this.#options.topics.listen(TOPIC_KIND, {
      onAnnouncement: (channel, payload) => {
        if (payload.startsWith('-')) listener.onLeaving(channel, payload.slice(1));
        else listener.onShown(channel);
      },
      onInterrupted: () => listener.onInterrupted(),
    });
  }

  #run(script: Script, channel: Tag, args: readonly Argument[]): Promise<unknown> {
    const keys = [relayKey('pres', channel), relayKey(TOPIC_KIND, channel)];
    return this.#options.commands.run(script, { partition: partitionOf(channel), keys, args });
  }
}
