import { Failure } from '../../shared/failure.ts';
import type { Tag } from '../../shared/frame.ts';
import {
  BLOCKS_MAX,
  type BlockChange,
  type BlockChanged,
  type BlockRow,
  type BlockSearch,
} from '../../shared/internal/bans.ts';
import type { BlockRecords, CallMark } from '../ports.ts';
import { IN_FORCE } from './postgres-moderation-statements.ts';
import type { PostgresPool } from './postgres-pool.ts';
import { wholeMinute } from './postgres-records.ts';
import { MARK } from './postgres-statements.ts';

/** $1 account */
const LOCK_ACCOUNT = 'select true from hushwire.accounts where account = $1::text for update';

/** $3 account · $4 block · $5 note, '' for none. Runs after LOCK_ACCOUNT. */
const PLACE_BLOCK = `with ${MARK}, owner as (
  select true from hushwire.accounts where account = $3::text
), room as (
  select true where (select count(*) from hushwire.blocks where account = $3::text and block <> $4::text) < ${BLOCKS_MAX}
), placed as (
  insert into hushwire.blocks as held (block, account, note)
  select $4::text, $3::text, nullif($5::text, '') from mark, owner, room
  on conflict (block) do update set note = excluded.note
  returning true
)
select exists (select from mark) as marked, exists (select from owner) as owned, exists (select from placed) as changed`;

/** $3 account · $4 block. */
const LIFT_BLOCK = `with ${MARK}, lifted as (
  delete from hushwire.blocks using mark where block = $4::text and account = $3::text
)
select exists (select from mark) as marked, true as owned, true as changed`;

/** $1 account. */
const LIST_BLOCKS = `select block, note from hushwire.blocks where account = $1::text order by block limit ${BLOCKS_MAX}`;

/** $1 blocks · $2 service-wide bans, lists. */
const FIND_BLOCKS = `select block as tag from hushwire.blocks where block = any (string_to_array($1::text, ','))
union all
select ban from hushwire.bans where ban = any (string_to_array($2::text, ',')) and channel is null and ${IN_FORCE}`;

export const BLOCK_STATEMENTS = Object.freeze({
  lockBlocks: LOCK_ACCOUNT,
  placeBlock: PLACE_BLOCK,
  liftBlock: LIFT_BLOCK,
  listBlocks: LIST_BLOCKS,
  findBlocks: FIND_BLOCKS,
});

/** The BlockRecords over Postgres; the changes of one account go one after another. */
export class PostgresBlocks implements BlockRecords {
  readonly #pool: PostgresPool;

  constructor(pool: PostgresPool) {
    this.#pool = pool;
  }

  async changeBlock(change: BlockChange, mark: CallMark): Promise<BlockChanged> {
    const { account, block } = change;
    const call = [mark.jti, wholeMinute(mark.expiresAtMs), account, block];
    const changing =
      change.what === 'place'
        ? { statement: BLOCK_STATEMENTS.placeBlock, parameters: [...call, change.note] }
        : { statement: BLOCK_STATEMENTS.liftBlock, parameters: call };
    const lock = { statement: BLOCK_STATEMENTS.lockBlocks, parameters: [account] };
    const [, rows] = await this.#pool.runInOrder<Changed>([lock, changing]);
    const row = rows?.[0];
    if (row?.marked !== true) throw new Failure('conflict', { detail: 'This call was made before' });
    if (!row.owned) return { result: 'missing' };
    return { result: row.changed ? 'changed' : 'full' };
  }

  async listBlocks(account: Tag): Promise<readonly BlockRow[]> {
    return this.#pool.run<BlockRow>(BLOCK_STATEMENTS.listBlocks, [account]);
  }

  async findBlocks({ blocks, bans }: BlockSearch): Promise<readonly Tag[]> {
    const parameters = [blocks.join(','), bans.join(',')];
    const rows = await this.#pool.run<{ tag: Tag }>(BLOCK_STATEMENTS.findBlocks, parameters);
    return rows.map(({ tag }) => tag);
  }
}

interface Changed {
  readonly marked: boolean;
  readonly owned: boolean;
  readonly changed: boolean;
}
