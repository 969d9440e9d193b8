import type { Log } from '../../shared/log.ts';
import { RedisBroker } from './redis-broker.ts';
import { RedisControl } from './redis-control.ts';
import { RedisLink } from './redis-link.ts';
import { MAILBOX_SCRIPTS, RedisMailboxes } from './redis-mailboxes.ts';
import { RedisRedemptions, RedisRegistry } from './redis-registry.ts';
import { loadScripts } from './redis-scripts.ts';
import { STREAM_SCRIPTS } from './redis-stream.ts';
import { RedisTopics } from './redis-topics.ts';

export interface RelayOptions {
  readonly url: string;
  readonly log: Log;
  readonly now: () => number;
  readonly retentionHours: number;
  readonly maxPublications?: number;
  readonly maxBytes?: number;
  readonly mailboxRetentionHours?: number;
  readonly maxMailboxItems?: number;
  readonly maxMailboxBytes?: number;
}

/** Everything this node has in the relay Redis, over two connections: one for commands, one for announcements. */
export interface Relay {
  readonly commands: RedisLink;
  readonly broker: RedisBroker;
  readonly control: RedisControl;
  readonly mailboxes: RedisMailboxes;
  readonly registry: RedisRegistry;
  readonly redemptions: RedisRedemptions;
  close(): void;
}

/** Connects to the relay; rejects with `unavailable` when it does not answer within `deadlineMs`. */
export async function openRelay(options: RelayOptions, deadlineMs: number): Promise<Relay> {
  const { url, log } = options;
  const commands = new RedisLink({
    url,
    log,
    name: 'commands',
    prepare: (redis) => loadScripts(redis, [...STREAM_SCRIPTS, ...MAILBOX_SCRIPTS]),
  });
  const topics = new RedisTopics({ url, log });
  const close = () => {
    commands.close();
    topics.close();
  };
  try {
    await Promise.all([commands.ready(deadlineMs), topics.ready(deadlineMs)]);
  } catch (error) {
    close();
    throw error;
  }
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

/** A week: long enough for a holiday without the phone, and what people expect of a messenger. */
const MAILBOX_RETENTION_HOURS = 7 * 24;

function openMailboxes(
  links: { readonly commands: RedisLink; readonly topics: RedisTopics },
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
