import { Failure } from '../../shared/failure.ts';
import type { Tag } from '../../shared/frame.ts';
import type {
  ClaimedPackages,
  LogPage,
  LogPageRequest,
  LogWritten,
  NewLogEntry,
  NewPackages,
  PackageClaim,
  PackagesWritten,
  Stock,
} from '../../shared/internal/keys.ts';
import type { Sealed, StoredRecord } from '../../shared/internal/records.ts';
import type { CallMark, KeyRecords } from '../ports.ts';
import { KEY_STATEMENTS as SQL } from './postgres-key-statements.ts';
import type { PostgresPool } from './postgres-pool.ts';
import { wholeMinute } from './postgres-records.ts';
import { REVOCATION_STATEMENTS } from './postgres-revocation-statements.ts';

/** The KeyRecords over Postgres: one transaction for each call. */
export class PostgresKeys implements KeyRecords {
  readonly #pool: PostgresPool;

  constructor(pool: PostgresPool) {
    this.#pool = pool;
  }

  async appendEntry(entry: NewLogEntry, mark: CallMark): Promise<LogWritten> {
    const { account, by, sequence, link, previous = '', devices, sealed } = entry;
    const lock = { statement: REVOCATION_STATEMENTS.lockAccount, parameters: [account] };
    const parameters = [account, by, String(sequence), link, previous, sealed, devices.join(',')];
    const append = { statement: SQL.appendEntry, parameters: [...valuesOf(mark), ...parameters] };
    const [, rows] = await this.#pool.runInOrder<Appended>([lock, append]);
    const { allowed, created, known, named } = marked(rows?.[0]);
    if (created) return { result: 'created' };
    if (!allowed) return { result: 'refused' };
    if (known) return { result: 'exists' };
    return { result: named ? 'stale' : 'missing' };
  }

  async readLog({ account, after }: LogPageRequest): Promise<LogPage> {
    return { entries: [...(await this.#pool.run<StoredRecord>(SQL.readLog, [account, String(after)]))] };
  }

  async addPackages(added: NewPackages, mark: CallMark): Promise<PackagesWritten> {
    const { account, device, by, version, list, packages, lastResort = '', isReplacing } = added;
    const values = [account, device, by, String(version), list, lastResort, packages.join(',')];
    const parameters = [...valuesOf(mark), ...values, String(isReplacing)];
    const row = marked((await this.#pool.run<Added>(SQL.addPackages, parameters))[0]);
    if (row.created) return { result: 'created', version, left: row.kept + packages.length };
    const stock = { version: row.version, left: row.kept };
    if (!row.allowed) return { result: 'refused', ...stock };
    if (row.version === version) return { result: 'exists', ...stock };
    // Uploads at the same time: the one that waited sees the version from before, and a repeat will see the new one.
    return { result: row.version === version - 1 && !row.fits ? 'full' : 'stale', ...stock };
  }

  async readStock(device: Tag): Promise<Stock> {
    const [row] = await this.#pool.run<Stock>(SQL.readStock, [device]);
    return row ?? { version: 0, left: 0 };
  }

  async claimPackages({ lists, most }: PackageClaim, mark: CallMark): Promise<ClaimedPackages> {
    const parameters = [...valuesOf(mark), lists.join(','), String(most)];
    const rows = await this.#pool.run<Claimed>(SQL.claimPackages, parameters);
    marked(rows[0]);
    const packages: Record<Tag, Sealed[]> = {};
    const lastResorts: Record<Tag, Sealed> = {};
    for (const { list, sealed, last } of rows) {
      if (list === null || sealed === null) continue;
      if (last) lastResorts[list] = sealed;
      else packages[list] = [...(packages[list] ?? []), sealed];
    }
    return { packages, lastResorts };
  }
}

interface Marked {
  readonly marked: boolean;
}
interface Appended extends Marked {
  readonly allowed: boolean;
  readonly created: boolean;
  readonly known: boolean;
  readonly named: boolean;
}
interface Added extends Marked {
  readonly allowed: boolean;
  readonly created: boolean;
  readonly fits: boolean;
  readonly version: number;
  readonly kept: number;
}
/** One row of `claimPackages`; without a list when nothing was found. */
interface Claimed extends Marked {
  readonly list: string | null;
  readonly sealed: string | null;
  readonly last: boolean | null;
}

function valuesOf({ jti, expiresAtMs }: CallMark): readonly string[] {
  return [jti, wholeMinute(expiresAtMs)];
}

/** The row of a write, once its mark was redeemed. */
function marked<R extends Marked>(row: R | undefined): R {
  if (row?.marked !== true) throw new Failure('conflict', { detail: 'This call was made before' });
  return row;
}
