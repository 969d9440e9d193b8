import { Failure } from '../../shared/failure.ts';
import type { Tag } from '../../shared/frame.ts';
import type {
  Belongings,
  DeviceWritten,
  NewDevice,
  Recovered,
  Recovery,
  Revocation,
  Revoked,
} from '../../shared/internal/devices.ts';
import type { StoredRecord } from '../../shared/internal/records.ts';
import type { CallMark, RevocationPage, RevocationRecords } from '../ports.ts';
import type { PostgresPool } from './postgres-pool.ts';
import { wholeMinute } from './postgres-records.ts';
import {
  REVOCATIONS_PAGE,
  SESSIONS_PAGE,
  REVOCATION_STATEMENTS as SQL,
} from './postgres-revocation-statements.ts';
import { PURGE_ROWS } from './postgres-statements.ts';

/** The RevocationRecords over Postgres: one transaction for each call. */
export class PostgresRevocations implements RevocationRecords {
  readonly #pool: PostgresPool;

  constructor(pool: PostgresPool) {
    this.#pool = pool;
  }

  async addDevice({ account, approver, device, sealed }: NewDevice, mark: CallMark): Promise<DeviceWritten> {
    const values = [...valuesOf(mark), account, approver, device, sealed];
    const row = await this.#locked<Added>(account, SQL.addDevice, values);
    if (row.created) return { result: 'created' };
    if (row.known) return { result: 'exists' };
    if (!row.parented) return { result: 'missing' };
    return { result: row.revoked ? 'revoked' : 'full' };
  }

  async revoke(revocation: Revocation, mark: CallMark): Promise<Revoked> {
    const { account, by } = revocation;
    const values = [...valuesOf(mark), account, by];
    if (revocation.what === 'account') return this.#deleteAccount(account, values);
    if (revocation.what === 'device') return this.#removeDevice(account, [...values, revocation.device]);
    return this.#endSessions(revocation, values);
  }

  async recover(recovery: Recovery, mark: CallMark): Promise<Recovered> {
    const { account, device, sequence, link, previous, sealed } = recovery;
    const entry = [String(sequence), link, previous, sealed];
    const values = [...valuesOf(mark), account, device.device, device.sealed, ...entry];
    const row = await this.#locked<Begun>(account, SQL.recover, values);
    const devices = split(row.devices);
    if (row.created) return { result: 'created', devices };
    if (row.known) return { result: 'exists', devices };
    return { result: row.taken ? 'taken' : 'stale', devices: [] };
  }

  async belongings(account: Tag): Promise<Belongings> {
    const devices: Record<string, StoredRecord> = {};
    const sessions: Record<string, Belongings['sessions'][string]> = {};
    for (const row of await this.#pool.run<Listed>(SQL.listBelongings, [account])) {
      const { tag, sealed, version } = row;
      if (row.kind === 'device') devices[tag] = { sealed, version };
      else sessions[tag] = { sealed, version, device: row.device, expiresOn: row.expires_on };
    }
    return { devices, sessions };
  }

  async readRevocations(after: number): Promise<RevocationPage> {
    const rows = await this.#pool.run<Read>(SQL.readRevocations, [String(after)]);
    const head = Number(rows[0]?.head ?? 0);
    const tags = rows.flatMap(({ tag }) => (tag === null ? [] : [tag]));
    const isWhole = tags.length < REVOCATIONS_PAGE;
    return { tags, head, isWhole, last: isWhole ? head : Number(rows.at(-1)?.sequence ?? head) };
  }

  /** Deletes revocations that are past their time; resolves with how many. Safe on every node at once. */
  async purge(): Promise<{ readonly revocations: number }> {
    let total = 0;
    for (;;) {
      const [row] = await this.#pool.run<{ revocations: number }>(SQL.purgeRevocations);
      total += row?.revocations ?? 0;
      if ((row?.revocations ?? 0) < PURGE_ROWS) return { revocations: total };
    }
  }

  async #endSessions(
    target: Extract<Revocation, { what: 'session' | 'sessions' | 'device-sessions' }>,
    values: readonly string[],
  ): Promise<Revoked> {
    const session = target.what === 'session' ? target.session : '';
    const device = target.what === 'device-sessions' ? target.device : '';
    const except = target.what === 'sessions' ? (target.except ?? '') : '';
    const [found] = await this.#pool.run<EndedSessions>(SQL.endSessions, [
      ...values,
      session,
      device,
      except,
    ]);
    const row = marked(found);
    const sessions = split(row.sessions);
    if (session !== '' && sessions.length > 0) return { result: 'revoked', sessions, devices: [] };
    if (!row.allowed) return REFUSED;
    if (session !== '') return { ...REFUSED, result: 'missing' };
    return { result: row.ended < SESSIONS_PAGE ? 'revoked' : 'partly', sessions, devices: [] };
  }

  async #removeDevice(account: Tag, values: readonly string[]): Promise<Revoked> {
    const row = await this.#locked<RemovedDevice>(account, SQL.removeDevice, values);
    const devices = split(row.devices);
    if (devices.length > 0) return { result: 'revoked', sessions: [], devices };
    if (!row.allowed) return REFUSED;
    return { ...REFUSED, result: row.found ? 'last' : 'missing' };
  }

  async #deleteAccount(account: Tag, values: readonly string[]): Promise<Revoked> {
    const row = await this.#locked<DeletedAccount>(account, SQL.deleteAccount, values);
    return row.deleted ? { result: 'revoked', sessions: [], devices: split(row.devices) } : REFUSED;
  }

  async #locked<R extends Marked>(
    account: Tag,
    statement: string,
    parameters: readonly string[],
  ): Promise<R> {
    const lock = { statement: SQL.lockAccount, parameters: [account] };
    const [, rows] = await this.#pool.runInOrder<R>([lock, { statement, parameters }]);
    return marked(rows?.[0]);
  }
}

const REFUSED: Revoked = { result: 'refused', sessions: [], devices: [] };

interface Marked {
  readonly marked: boolean;
}
interface Added extends Marked {
  readonly created: boolean;
  readonly parented: boolean;
  readonly known: boolean;
  readonly revoked: boolean;
}
interface Begun extends Marked {
  readonly created: boolean;
  readonly known: boolean;
  readonly taken: boolean;
  readonly devices: string | null;
}
interface Ended extends Marked {
  readonly allowed: boolean;
  /** Tags joined by commas. */
  readonly sessions: string | null;
  readonly devices: string | null;
}
interface EndedSessions extends Ended {
  readonly ended: number;
}
interface RemovedDevice extends Ended {
  readonly found: boolean;
}
interface DeletedAccount extends Ended {
  readonly deleted: boolean;
}

/** One row of `listBelongings`. */
type Listed = { readonly tag: string; readonly sealed: string; readonly version: number } & (
  | { readonly kind: 'device' }
  | { readonly kind: 'session'; readonly device: string; readonly expires_on: string }
);

/** One row of `readRevocations`; numbers are 64-bit, and so texts. */
interface Read {
  readonly head: string;
  readonly sequence: string | null;
  readonly tag: string | null;
}

function valuesOf({ jti, expiresAtMs }: CallMark): readonly string[] {
  return [jti, wholeMinute(expiresAtMs)];
}

/** The row of a write, once its mark was redeemed. */
function marked<R extends Marked>(row: R | undefined): R {
  if (row?.marked !== true) throw new Failure('conflict', { detail: 'This call was made before' });
  return row;
}

function split(tags: string | null): readonly Tag[] {
  return tags === null ? [] : tags.split(',');
}
