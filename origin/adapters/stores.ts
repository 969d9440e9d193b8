/** Everything a node keeps its things in: the relay, and PostgreSQL behind one pool. */
import type { Log } from '../../shared/log.ts';
import type { OriginConfig } from '../config.ts';
import { PostgresBlocks } from './postgres-blocks.ts';
import { PostgresInvitations } from './postgres-invitations.ts';
import { PostgresKeys } from './postgres-keys.ts';
import { PostgresLists } from './postgres-lists.ts';
import { migrate } from './postgres-migrate.ts';
import { PostgresModeration } from './postgres-moderation.ts';
import { PostgresPool } from './postgres-pool.ts';
import { startPurging } from './postgres-purge.ts';
import { PostgresRecords } from './postgres-records.ts';
import { PostgresRevocations } from './postgres-revocations.ts';
import { openRelay } from './redis-relay.ts';

/** How long the relay may take to answer at the start; a node that hears nothing by then ends with a plain word. */
const RELAY_DEADLINE_MS = 10_000;

export type Stores = Awaited<ReturnType<typeof openStores>>;

/** Brings the database up to date, then opens both; rejects with a plain word when one of them is not to be had. */
export async function openStores(config: OriginConfig, log: Log) {
  await migrate({ url: config.databaseUrl, log });
  const pool = new PostgresPool({
    url: config.databaseUrl,
    max: config.databasePoolMax,
    isPrepared: config.databasePrepare === 'yes',
    log,
  });
  const records = new PostgresRecords(pool);
  const revocations = new PostgresRevocations(pool);
  const relay = await openRelay(
    {
      urls: config.relayUrls,
      log,
      now: Date.now,
      retentionHours: config.logRetentionHours,
      presence: { lifeMs: config.presenceSeconds * 1_000, maxPresent: config.presentPerChannel },
    },
    RELAY_DEADLINE_MS,
  );
  const moderation = new PostgresModeration(pool);
  const invitations = new PostgresInvitations(pool);
  const stopPurging = [records, revocations, moderation, invitations].map((store) =>
    startPurging(store, log),
  );
  return {
    ...relay,
    pool,
    records,
    revocations,
    moderation,
    invitations,
    blocks: new PostgresBlocks(pool),
    keys: new PostgresKeys(pool),
    lists: new PostgresLists(pool),
    close: async () => {
      for (const stop of stopPurging) stop();
      relay.close();
      await pool.close();
    },
  };
}
