import { startPgBouncer } from '../../deploy/local/servers/pgbouncer.ts';
import { randomId } from '../../shared/bytes.ts';
import type { NewAccount, NewSession } from '../../shared/internal/accounts.ts';
import type { NewChannel, NewMember } from '../../shared/internal/channels.ts';
import { createDatabase } from '../../shared/testing/database.ts';
import { PostgresBlocks } from '../adapters/postgres-blocks.ts';
import { PostgresInvitations } from '../adapters/postgres-invitations.ts';
import { PostgresKeys } from '../adapters/postgres-keys.ts';
import { PostgresLists } from '../adapters/postgres-lists.ts';
import { migrate } from '../adapters/postgres-migrate.ts';
import { PostgresModeration } from '../adapters/postgres-moderation.ts';
import { PostgresPool } from '../adapters/postgres-pool.ts';
import { PostgresRecords } from '../adapters/postgres-records.ts';
import { PostgresRevocations } from '../adapters/postgres-revocations.ts';
import type { CallMark } from '../ports.ts';

/** A one-time mark nobody used yet. */
export function newMark(expiresAtMs = Date.now() + 30_000): CallMark {
  return { jti: randomId(), expiresAtMs };
}

/** A record as the edge seals it, for readers that cannot look inside. */
export function newSealed(bytes = 120): string {
  return `1.${randomId(bytes)}`;
}

export function newAccount(): NewAccount {
  const device = { device: randomId(), sealed: newSealed() };
  return { account: randomId(), sealed: newSealed(), createdOn: '2026-11-23', device };
}

export function newSession({ account, device }: NewAccount): NewSession {
  const { device: tag } = device;
  return { session: randomId(), device: tag, account, sealed: newSealed(), expiresOn: '2099-12-31' };
}

export function newChannel(): NewChannel {
  const owner = { member: randomId(), sealed: newSealed() };
  return { channel: randomId(), sealed: newSealed(), createdOn: '2026-11-23', owner };
}

export function newMember({ channel }: NewChannel): NewMember {
  return { channel, member: randomId(), sealed: newSealed() };
}

/** How an origin reaches its database: straight, or through a real pooler in transaction mode. */
export const WAYS = ['straight', 'through PgBouncer'] as const;
export type Way = (typeof WAYS)[number];

/** A database reached one of these ways, and records over it. `url` goes straight. */
export async function openWay(way: Way) {
  const database = await createDatabase();
  await migrate({ url: database.url, log: () => undefined });
  const isPrepared = way === 'straight';
  const pooler = isPrepared ? undefined : await startPgBouncer({ databaseUrl: database.url, poolSize: 5 });
  const opened = openRecords(pooler?.url ?? database.url, { isPrepared });
  return {
    ...opened,
    url: database.url,
    close: async () => {
      await opened.pool.close();
      await pooler?.stop();
      await database.drop();
    },
  };
}

/** Records over a pool of their own; the caller closes it. */
export function openRecords(url: string, { max = 20, isPrepared = true } = {}) {
  const pool = new PostgresPool({ url, max, isPrepared, log: () => undefined });
  return {
    pool,
    records: new PostgresRecords(pool),
    revocations: new PostgresRevocations(pool),
    keys: new PostgresKeys(pool),
    lists: new PostgresLists(pool),
    blocks: new PostgresBlocks(pool),
    moderation: new PostgresModeration(pool),
    invitations: new PostgresInvitations(pool),
  };
}
