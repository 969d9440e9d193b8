import { Failure } from '../../shared/failure.ts';
import type { Tag } from '../../shared/frame.ts';
import type { ChannelList, ListWritten, NewChannelList } from '../../shared/internal/keys.ts';
import type { CallMark, ListRecords } from '../ports.ts';
import type { PostgresPool } from './postgres-pool.ts';
import { wholeMinute } from './postgres-records.ts';
import { MARK } from './postgres-statements.ts';

/** $3 account · $4 asking session · $5 version · $6 data. `known`: this very list was written before, and is the newest. */
const WRITE_LIST = `with ${MARK}, caller as (
  select true from hushwire.sessions join hushwire.devices using (device)
  where session = $4::text and account = $3::text
), held as (
  select version, data from hushwire.channel_lists where account = $3::text
), written as (
  insert into hushwire.channel_lists as list (account, version, data)
  select $3::text, $5::text::integer, $6::text from mark, caller
  where $5::text::integer = 1 or exists (select from held)
  on conflict (account) do update set version = excluded.version, data = excluded.data
  where list.version = excluded.version - 1
  returning true
)
select exists (select from mark) as marked, exists (select from caller) as allowed,
  exists (select from written) as created, coalesce((select version from held), 0) as version,
  exists (select from held where version = $5::text::integer and data = $6::text) as known`;

/** $1 account. */
const READ_LIST = 'select version, data from hushwire.channel_lists where account = $1::text';

export const LIST_STATEMENTS = Object.freeze({ writeList: WRITE_LIST, readList: READ_LIST });

/** The ListRecords over Postgres; the rules of postgres-statements.ts hold. */
export class PostgresLists implements ListRecords {
  readonly #pool: PostgresPool;

  constructor(pool: PostgresPool) {
    this.#pool = pool;
  }

  async writeList({ account, by, version, data }: NewChannelList, mark: CallMark): Promise<ListWritten> {
    const values = [mark.jti, wholeMinute(mark.expiresAtMs), account, by, String(version), data];
    const [row] = await this.#pool.run<Written>(LIST_STATEMENTS.writeList, values);
    if (row?.marked !== true) throw new Failure('conflict', { detail: 'This call was made before' });
    if (row.created) return { result: 'created', version };
    if (!row.allowed) return { result: 'refused', version: 0 };
    return { result: row.known ? 'exists' : 'stale', version: row.version };
  }

  async readList(account: Tag): Promise<ChannelList> {
    const [row] = await this.#pool.run<ChannelList>(LIST_STATEMENTS.readList, [account]);
    return row ?? { version: 0, data: '' };
  }
}

interface Written {
  readonly marked: boolean;
  readonly allowed: boolean;
  readonly created: boolean;
  readonly version: number;
  readonly known: boolean;
}
