import type { Redis } from 'ioredis';
import { randomId } from '../../shared/bytes.ts';
import type { Log } from '../../shared/log.ts';
import { partitionKey } from './partitions.ts';
import { RedisBroker } from './redis-broker.ts';
import { RedisCommands } from './redis-commands.ts';
import { CONTROL_PARTITION, RedisControl } from './redis-control.ts';
import { RedisLink } from './redis-link.ts';
import { MAILBOX_SCRIPTS, RedisMailboxes } from './redis-mailboxes.ts';
import { PRESENCE_SCRIPTS, RedisPresences, type RedisPresencesOptions } from './redis-presences.ts';
import { PROBE_SCRIPTS, PROBE_TIMES, type ProbeTimes, RedisProbe } from './redis-probe.ts';
import { RedisRedemptions, RedisRegistry } from './redis-registry.ts';
import { loadScript, loadScripts } from './redis-scripts.ts';
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
  readonly probeTimes?: ProbeTimes;
  readonly presence?: Pick<RedisPresencesOptions, 'lifeMs' | 'graceMs' | 'maxPresent'>;
}

/**
 * Everything this node has in the relay, over two connections to each server, for commands and for announcements, and a
 * third to the one that announces who is out.
 */
export interface Relay {
  readonly commands: RedisCommands;
  readonly broker: RedisBroker;
  readonly control: RedisControl;
  readonly mailboxes: RedisMailboxes;
  readonly presences: RedisPresences;
  readonly registry: RedisRegistry;
  readonly redemptions: RedisRedemptions;
  readonly probe: RedisProbe;
  close(): void;
}

/** Connects to the relay; rejects with `unavailable` when it does not answer within `deadlineMs`. */
export async function openRelay(options: RelayOptions, deadlineMs: number): Promise<Relay> {
  const { urls, log } = options;
  const topology = new RedisTopology({ urls, log });
  const shards: RedisShards = new RedisShards({
    topology,
    open: (url, onClosed) =>
      new RedisLink({
        url,
        log,
        name: 'commands',
        onClosed,
        prepare: async (link, runId) => {
          await loadScripts(link.redis, SCRIPTS);
          await beginLives(link.redis, { partitions: shards.partitionsOf(link), runId });
        },
      }),
  });
  const topics = new RedisTopics({ topology, log, name: 'subscriptions' });
  const hints = new RedisTopics({ topology, log, name: 'control', only: CONTROL_PARTITION });
  const opened: { close(): void }[] = [topology, shards, topics, hints];
  const close = () => {
    for (const part of opened.splice(0).reverse()) part.close();
  };
  try {
    await Promise.all([shards, topics, hints].map((part) => part.ready(deadlineMs)));
  } catch (error) {
    close();
    throw error;
  }
  const commands = new RedisCommands(shards);
  const times = options.probeTimes ?? PROBE_TIMES;
  const probe = new RedisProbe({ commands, topics, log, times });
  const hintProbe = new RedisProbe({ commands, topics: hints, log, times });
  opened.push(probe, hintProbe);
  return {
    commands,
    broker: new RedisBroker({ ...options, commands, topics }),
    control: new RedisControl({ commands, topics: hints, probe: hintProbe }),
    mailboxes: openMailboxes({ commands, topics }, options),
    presences: new RedisPresences({ commands, topics, ...options.presence }),
    registry: new RedisRegistry(commands),
    redemptions: new RedisRedemptions(commands),
    probe,
    close,
  };
}

const LIFE = loadScript('life');
const SCRIPTS = [LIFE, ...STREAM_SCRIPTS, ...MAILBOX_SCRIPTS, ...PRESENCE_SCRIPTS, ...PROBE_SCRIPTS];

interface Lives {
  readonly partitions: readonly number[];
  readonly runId: string;
}

/**
 * Has every partition of a server that is new to us begin its life at once: what its former server wrote last is over
 * then also where nobody writes. One that moved on meanwhile refuses, which does no harm.
 */
async function beginLives(redis: Redis, { partitions, runId }: Lives): Promise<void> {
  const pipeline = redis.pipeline();
  for (const partition of partitions)
    pipeline.evalsha(LIFE.sha, 1, partitionKey('life', partition), runId, randomId(6));
  await pipeline.exec();
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
