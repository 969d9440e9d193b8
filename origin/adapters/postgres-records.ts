import { Failure } from '../../shared/failure.ts';
import type {
  NewAccount,
  NewChannel,
  NewMember,
  NewSession,
  ReadAnswer,
  ReadRequest,
  Written,
} from '../../shared/internal.ts';
import type { CallMark, Records } from '../ports.ts';
import type { PostgresPool } from './postgres-pool.ts';
import { PURGE_ROWS, STATEMENTS } from './postgres-statements.ts';

const MINUTE_MS = 60_000;

/** The Records over Postgres: one statement, and so one round trip and one transaction, for each call. */
export class PostgresRecords implements Records {
  readonly #pool: PostgresPool;

  constructor(pool: PostgresPool) {
    this.#pool = pool;
  }

  createAccount({ account, sealed, createdOn, device }: NewAccount, mark: CallMark): Promise<Written> {
    const values = [account, sealed, createdOn, device.device, device.sealed];
    return this.#write(STATEMENTS.createAccount, mark, values);
  }

  /** `missing` also when the device is another account's. */
  createSession(session: NewSession, mark: CallMark): Promise<Written> {
    const { session: tag, device, account, sealed, expiresOn } = session;
    return this.#write(STATEMENTS.createSession, mark, [tag, device, account, sealed, expiresOn]);
  }

  createChannel({ channel, sealed, createdOn, owner }: NewChannel, mark: CallMark): Promise<Written> {
    const values = [channel, sealed, createdOn, owner.member, owner.sealed];
    return this.#write(STATEMENTS.createChannel, mark, values);
  }

  addMember({ channel, member, sealed }: NewMember, mark: CallMark): Promise<Written> {
    return this.#write(STATEMENTS.addMember, mark, [member, channel, sealed]);
  }

  async read({ devices = [], sessions = [], members = [] }: ReadRequest): Promise<ReadAnswer> {
    const lists = [devices, sessions, members].map((tags) => tags.join(','));
    const found: { [K in keyof ReadAnswer]: Record<string, ReadAnswer[K][string]> } = {
      devices: {},
      sessions: {},
      members: {},
    };
    for (const row of await this.#pool.run<Found>(STATEMENTS.read, lists)) {
      const { tag, sealed, version } = row;
      if (row.kind === 'device') found.devices[tag] = { sealed, version, account: row.account };
      else if (row.kind === 'member') found.members[tag] = { sealed, version, channel: row.channel };
      else {
        const { device, account, expires_on: expiresOn } = row;
        found.sessions[tag] = { sealed, version, device, account, expiresOn };
      }
    }
    return found;
  }

  async ping(): Promise<number> {
    const startedMs = performance.now();
    await this.#pool.run(STATEMENTS.ping);
    return performance.now() - startedMs;
  }

  /** Deletes marks and sessions that are past their time; resolves with how many. Safe on every node at once. */
  async purge(): Promise<{ readonly calls: number; readonly sessions: number }> {
    const total = { calls: 0, sessions: 0 };
    for (;;) {
      const [row] = await this.#pool.run<typeof total>(STATEMENTS.purge);
      total.calls += row?.calls ?? 0;
      total.sessions += row?.sessions ?? 0;
      if (Math.max(row?.calls ?? 0, row?.sessions ?? 0) < PURGE_ROWS) return total;
    }
  }

  async #write(statement: string, mark: CallMark, values: readonly string[]): Promise<Written> {
    const parameters = [mark.jti, wholeMinute(mark.expiresAtMs), ...values];
    const [row] = await this.#pool.run<Outcome>(statement, parameters);
    if (row?.marked !== true) throw new Failure('conflict', { detail: 'This call was made before' });
    if (row.created) return { result: 'created' };
    return { result: row.parented ? 'exists' : 'missing' };
  }
}

/** One row of a write. */
interface Outcome {
  readonly marked: boolean;
  readonly created: boolean;
  readonly parented: boolean;
}

/** One row of `STATEMENTS.read`. */
type Found = { readonly tag: string; readonly sealed: string; readonly version: number } & (
  | { readonly kind: 'device'; readonly account: string }
  | {
      readonly kind: 'session';
      readonly account: string;
      readonly device: string;
      readonly expires_on: string;
    }
  | { readonly kind: 'member'; readonly channel: string }
);

/** Rounded up: what is stored must not tell when the call was made. */
function wholeMinute(ms: number): string {
  return new Date(Math.ceil(ms / MINUTE_MS) * MINUTE_MS).toISOString();
}
