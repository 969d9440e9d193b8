import type { Log } from '../../shared/log.ts';
import { RedisBroker } from './redis-broker.ts';
import { RedisCommands } from './redis-commands.ts';
import { RedisControl } from './redis-control.ts';
import { type LinkOptions, RedisLink } from './redis-link.ts';
import { MAILBOX_SCRIPTS, RedisMailboxes } from './redis-mailboxes.ts';
import { RedisRedemptions, RedisRegistry } from './redis-registry.ts';
import { loadScripts } from './redis-scripts.ts';
import { RedisShards } from './redis-shards.ts';
import { STREAM_SCRIPTS } from './redis-stream.ts';
import { RedisTopics } from './redis-topics.ts';
import { RedisTopology } from './redis-topology.ts';

export interface RelayOptions {
  /** One server, or any nodes of a Cluster. */
  readonly urls: readonly string[];
  readonly log: Log;
  readonly now: () => number;
  readonly retentionHours: number;
  readonly maxPublications?: number;
  readonly maxBytes?: number;
  readonly mailboxRetentionHours?: number;
  readonly maxMailboxItems?: number;
  readonly maxMailboxBytes?: number;
}

/** Everything this node has in the relay, over two connections to each server: for commands and for announcements. */
export interface Relay {
  readonly commands: RedisCommands;
  readonly broker: RedisBroker;
  readonly control: RedisControl;
  readonly mailboxes: RedisMailboxes;
  readonly registry: RedisRegistry;
  readonly redemptions: RedisRedemptions;
  close(): void;
}

/** Connects to the relay; rejects with `unavailable` when it does not answer within `deadlineMs`. */
export async function openRelay(options: RelayOptions, deadlineMs: number): Promise<Relay> {
  const { urls, log } = options;
  const topology = new RedisTopology({ urls, log });
  const shards = new RedisShards({ topology, open: (url, onClosed) => openCommands({ url, log, onClosed }) });
  const topics = new RedisTopics({ topology, log });
  const close = () => {
    topology.close();
    shards.close();
    topics.close();
  };
  try {
    await Promise.all([shards.ready(deadlineMs), topics.ready(deadlineMs)]);
  } catch (error) {
    close();
    throw error;
  }
  const commands = new RedisCommands(shards);
  return {
    commands,
    broker: new RedisBroker({ ...options, commands, topics }),
    control: new RedisControl({ commands, topics }),
    mailboxes: openMailboxes({ commands, topics }, options),
    registry: new RedisRegistry(commands),
    redemptions: new RedisRedemptions(commands),
    close,
  };
}

function openCommands(options: Pick<LinkOptions, 'url' | 'log'> & { onClosed: () => void }): RedisLink {
  return new RedisLink({
    ...options,
    name: 'commands',
    prepare: ({ redis }) => loadScripts(redis, [...STREAM_SCRIPTS, ...MAILBOX_SCRIPTS]),
  });
}

/** A week: long enough for a holiday without the phone, and what people expect of a messenger. */
const MAILBOX_RETENTION_HOURS = 7 * 24;

function openMailboxes(
  links: { readonly commands: RedisCommands; readonly topics: RedisTopics },
  { now, mailboxRetentionHours = MAILBOX_RETENTION_HOURS, maxMailboxItems, maxMailboxBytes }: RelayOptions,
): RedisMailboxes {
  return new RedisMailboxes({
    ...links,
    now,
    retentionHours: mailboxRetentionHours,
    ...(maxMailboxItems === undefined ? {} : { maxItems: maxMailboxItems }),
    ...(maxMailboxBytes === undefined ? {} : { maxBytes: maxMailboxBytes }),
  });
}
