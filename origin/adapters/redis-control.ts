import type { Tag } from '../../shared/frame.ts';
import type { Control, ControlListener } from '../ports.ts';
import { partitionOf, relayKey } from './partitions.ts';
import type { RedisCommands } from './redis-commands.ts';
import type { RedisTopics } from './redis-topics.ts';

const KIND = 'control';
/** In place of a tag: there is one topic, that every node hears. */
const NAME = 'revocations';
const SENT = /^@(\d{13})$/;
const TAG = /^[A-Za-z0-9_-]{22}$/;

/** The partition that hints are announced in. */
export const CONTROL_PARTITION = partitionOf(NAME);

export interface RedisControlOptions {
  readonly commands: RedisCommands;
  /** Connections for hints alone: what waits on others for its turn must not hold up a ban. */
  readonly topics: RedisTopics;
  /** Shows that announcements arrive, on the connections that hints come by. */
  readonly probe: { readonly ageMs: number };
}

/**
 * The Control over one topic of sharded pub/sub, `<tag>[,<tag>…],@<milliseconds since 1970>`; whatever is neither is
 * skipped. Nothing is kept in Redis: what a node misses it reads from the durable revocations, whose numbers make a log
 * that, unlike one in Redis, cannot be trimmed or lost.
 */
export class RedisControl implements Control {
  readonly #commands: RedisCommands;
  readonly #topics: RedisTopics;
  readonly #probe: RedisControlOptions['probe'];

  constructor({ commands, topics, probe }: RedisControlOptions) {
    this.#commands = commands;
    this.#topics = topics;
    this.#probe = probe;
  }

  silentMs(): number {
    return this.#probe.ageMs;
  }

  async hint(tags: readonly Tag[]): Promise<void> {
    const payload = [...tags, `@${Date.now()}`].join(',');
    await this.#commands.ask(CONTROL_PARTITION, 'SPUBLISH', relayKey(KIND, NAME), payload);
  }

  async listen(listener: ControlListener): Promise<void> {
    this.#topics.listen(KIND, {
      onAnnouncement: (_tag, payload) => {
        const parts = payload.split(',');
        const sentAtMs = parts.map((part) => SENT.exec(part)?.[1]).find((ms) => ms !== undefined);
        const tags = parts.filter((part) => TAG.test(part));
        listener.onHint(tags, sentAtMs === undefined ? undefined : Number(sentAtMs));
      },
      onInterrupted: () => listener.onInterrupted(),
    });
    await this.#topics.subscribe(KIND, NAME);
  }
}
