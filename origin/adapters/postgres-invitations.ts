import { Failure } from '../../shared/failure.ts';
import type { Tag } from '../../shared/frame.ts';
import type {
  ChannelInvitationChange,
  ChannelInvitationChanged,
  ChannelInvitations,
} from '../../shared/internal/channels.ts';
import type { CallMark, InvitationRecords } from '../ports.ts';
import { INVITATION_STATEMENTS as SQL } from './postgres-moderation-statements.ts';
import type { PostgresPool } from './postgres-pool.ts';
import { wholeMinute } from './postgres-records.ts';
import { PURGE_ROWS } from './postgres-statements.ts';

/** The InvitationRecords over Postgres; changes and uses of the invitations of one channel go one after another. */
export class PostgresInvitations implements InvitationRecords {
  readonly #pool: PostgresPool;

  constructor(pool: PostgresPool) {
    this.#pool = pool;
  }

  async changeInvitation(change: ChannelInvitationChange, mark: CallMark): Promise<ChannelInvitationChanged> {
    const { channel, invitation } = change;
    const call = [mark.jti, wholeMinute(mark.expiresAtMs), channel, invitation];
    const changing =
      change.what === 'make'
        ? { statement: SQL.makeInvitation, parameters: [...call, String(change.uses), change.expiresOn] }
        : { statement: SQL.revokeInvitation, parameters: call };
    const lock = { statement: SQL.lockChannel, parameters: [channel] };
    const [, rows] = await this.#pool.runInOrder<Row>([lock, changing]);
    const row = rows?.[0];
    if (row?.marked !== true) throw new Failure('conflict', { detail: 'This call was made before' });
    if (!row.parented) return { result: 'missing' };
    return { result: row.changed ? 'changed' : 'full' };
  }

  async listInvitations(channel: Tag): Promise<ChannelInvitations> {
    const rows = await this.#pool.run<{ invitation: Tag; uses: number; used: number; expires_on: string }>(
      SQL.listInvitations,
      [channel],
    );
    return {
      invitations: rows.map(({ expires_on: expiresOn, ...invitation }) => ({ ...invitation, expiresOn })),
    };
  }

  /** Deletes those that let nobody in any more; resolves with how many. Safe on every node at once. */
  async purge(): Promise<{ readonly invitations: number }> {
    let total = 0;
    for (;;) {
      const [row] = await this.#pool.run<{ invitations: number }>(SQL.purgeInvitations);
      total += row?.invitations ?? 0;
      if ((row?.invitations ?? 0) < PURGE_ROWS) return { invitations: total };
    }
  }
}

interface Row {
  readonly marked: boolean;
  readonly parented: boolean;
  readonly changed: boolean;
}
