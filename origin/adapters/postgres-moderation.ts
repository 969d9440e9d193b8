import { Failure } from '../../shared/failure.ts';
import type { Tag } from '../../shared/frame.ts';
import type { BanPage, BanRow, BansChange, BansChanged } from '../../shared/internal/bans.ts';
import type { ChannelDeleted, MembersChange, MembersChanged } from '../../shared/internal/channels.ts';
import type { CallMark, ModerationRecords } from '../ports.ts';
import { BANS_PAGE, MODERATION_STATEMENTS as SQL } from './postgres-moderation-statements.ts';
import type { PostgresPool } from './postgres-pool.ts';
import { wholeMinute } from './postgres-records.ts';
import { PURGE_ROWS } from './postgres-statements.ts';

/** What stands for "none" in a list: no tag, statement or day is a hyphen. */
const NONE = '-';

interface Row {
  readonly marked: boolean;
  readonly parented: boolean;
  readonly fits: boolean;
  readonly unfit: boolean;
  readonly barred: boolean;
}

/** The ModerationRecords over Postgres; the changes of one channel go one after another. */
export class PostgresModeration implements ModerationRecords {
  readonly #pool: PostgresPool;

  constructor(pool: PostgresPool) {
    this.#pool = pool;
  }

  async changeMembers(change: MembersChange, mark: CallMark): Promise<MembersChanged> {
    const { channel, members, bans = [], lifted = [], unless = [], redeems } = change;
    const lock = { statement: SQL.lockChannel, parameters: [channel] };
    const parameters = [
      mark.jti,
      wholeMinute(mark.expiresAtMs),
      channel,
      members.map(({ member }) => member).join(','),
      members.map(({ sealed }) => sealed).join(','),
      members.map(({ version }) => version).join(','),
      members.map(({ revokes }) => revokes ?? NONE).join(','),
      ...listsOf(bans),
      lifted.join(','),
      unless.join(','),
      redeems?.invitation ?? '',
      String(redeems?.uses ?? 0),
    ];
    const [, rows] = await this.#pool.runInOrder<Row>([lock, { statement: SQL.changeMembers, parameters }]);
    const row = rows?.[0];
    if (row?.marked !== true) throw new Failure('conflict', { detail: 'This call was made before' });
    if (!row.parented) return { result: 'missing' };
    if (row.barred) return { result: 'barred' };
    if (row.fits) return { result: 'changed' };
    return { result: row.unfit ? 'stale' : 'refused' };
  }

  async deleteChannel(channel: Tag, mark: CallMark): Promise<ChannelDeleted> {
    const lock = { statement: SQL.lockChannel, parameters: [channel] };
    const parameters = [mark.jti, wholeMinute(mark.expiresAtMs), channel];
    const [, rows] = await this.#pool.runInOrder<{ marked: boolean; gone: boolean; members: string | null }>([
      lock,
      { statement: SQL.deleteChannel, parameters },
    ]);
    const row = rows?.[0];
    if (row?.marked !== true) throw new Failure('conflict', { detail: 'This call was made before' });
    return { result: row.gone ? 'deleted' : 'missing', members: row.members?.split(',') ?? [] };
  }

  async placeBans({ accounts, bans, lifted }: BansChange, mark: CallMark): Promise<BansChanged> {
    const call = [mark.jti, wholeMinute(mark.expiresAtMs)];
    const parameters = [...call, accounts.join(','), ...listsOf(bans), lifted.join(',')];
    const [row] = await this.#pool.run<{ marked: boolean; sessions: string | null }>(
      SQL.placeBans,
      parameters,
    );
    if (row?.marked !== true) throw new Failure('conflict', { detail: 'This call was made before' });
    return { sessions: row.sessions === null ? [] : row.sessions.split(',') };
  }

  async listBans(channel: Tag | undefined, after: string): Promise<BanPage> {
    const rows = await this.#pool.run<{
      ban: Tag;
      key_version: number;
      statement: string | null;
      expires_on: string | null;
    }>(SQL.listBans, [channel ?? '', after]);
    const bans = rows.map(({ ban, key_version: keyVersion, statement, expires_on: expiresOn }) => ({
      ban,
      keyVersion,
      statement,
      expiresOn,
    }));
    return { bans, isWhole: bans.length < BANS_PAGE };
  }

  /** Deletes bans that are past their day; resolves with how many. Safe on every node at once. */
  async purge(): Promise<{ readonly bans: number }> {
    let total = 0;
    for (;;) {
      const [row] = await this.#pool.run<{ bans: number }>(SQL.purgeBans);
      total += row?.bans ?? 0;
      if ((row?.bans ?? 0) < PURGE_ROWS) return { bans: total };
    }
  }
}

function listsOf(bans: readonly BanRow[]): string[] {
  return [
    bans.map(({ ban }) => ban).join(','),
    bans.map(({ keyVersion }) => keyVersion).join(','),
    bans.map(({ statement }) => statement ?? NONE).join(','),
    bans.map(({ expiresOn }) => expiresOn ?? NONE).join(','),
  ];
}
