import { Failure } from '../../shared/failure.ts';
import type {
  AccountWritten,
  Attempt,
  AttemptAnswer,
  NewAccount,
  NewAttempt,
  NewSession,
  SessionRenewal,
  SessionWritten,
  StaleTotp,
  TotpChange,
  TotpWritten,
} from '../../shared/internal/accounts.ts';
import type { NewChannel, NewMember } from '../../shared/internal/channels.ts';
import type { ReadAnswer, ReadRequest, StoredRecord, Written } from '../../shared/internal/records.ts';
import type { CallMark, Records } from '../ports.ts';
import type { PostgresPool } from './postgres-pool.ts';
import { PURGE_ROWS, STATEMENTS } from './postgres-statements.ts';

const MINUTE_MS = 60_000;
/** A call is over within 30 s; the code it brought can be right for 45 s, and machines' clocks may differ by some. */
const STEP_MARK_MS = MINUTE_MS;

/** The Records over Postgres: one statement, and so one round trip and one transaction, for each call. */
export class PostgresRecords implements Records {
  readonly #pool: PostgresPool;

  constructor(pool: PostgresPool) {
    this.#pool = pool;
  }

  async createAccount(body: NewAccount, mark: CallMark): Promise<AccountWritten> {
    const { account, sealed, createdOn, device, invitation: use } = body;
    const invited = [use?.invitation ?? '', String(use?.uses ?? 0), use?.expiresOn ?? createdOn];
    const values = [account, sealed, createdOn, device.device, device.sealed, ...invited];
    const row = await this.#marked<AccountOutcome>(STATEMENTS.createAccount, mark, values);
    if (row.refused) return { result: 'used-up' };
    const result = written(row);
    if (result.result !== 'exists' || row.held) return result;
    // The same call may have come twice at once: what the other one wrote is not in what this statement saw.
    const { devices } = await this.read({ devices: [device.device] });
    return devices[device.device]?.account === account ? result : { result: 'taken' };
  }

  /** `missing` also when the device is another account's. */
  async createSession(session: NewSession, mark: CallMark): Promise<SessionWritten> {
    const {
      session: tag,
      device,
      account,
      sealed,
      expiresOn,
      factor = { version: 0 },
      unless = [],
    } = session;
    const values = [tag, device, account, sealed, expiresOn, String(factor.version), unless.join(',')];
    if (factor.attempt !== undefined) return this.#attempt(values, mark, factor.attempt);
    const row = await this.#marked<FactorOutcome>(STATEMENTS.createSession, mark, values);
    return row.parented && !row.agreed ? stale(row) : written(row);
  }

  /** A renewal that comes late changes nothing: `exists`. */
  async renewSession({ session, device, sealed, version }: SessionRenewal, mark: CallMark): Promise<Written> {
    const values = [session, device, sealed, String(version)];
    return written(await this.#marked<Outcome>(STATEMENTS.renewSession, mark, values));
  }

  async attempt({ account, device, version, attempt }: NewAttempt, mark: CallMark): Promise<AttemptAnswer> {
    const answer = await this.#attempt(['', device, account, '', '', String(version), ''], mark, attempt);
    if (answer.result === 'refused' || answer.result === 'stale') return answer;
    return { result: answer.result === 'missing' ? 'missing' : 'passed' };
  }

  async changeTotp(change: TotpChange, mark: CallMark): Promise<TotpWritten> {
    const { account, sealed, version, codes, used } = change;
    const values = [account, sealed, String(version), codes.join(','), used.join(','), marksExpiry(mark)];
    const row = await this.#marked<FactorOutcome>(STATEMENTS.changeTotp, mark, values);
    return row.parented && !row.agreed ? stale(row) : written(row);
  }

  createChannel({ channel, sealed, createdOn, owner }: NewChannel, mark: CallMark): Promise<Written> {
    const values = [channel, sealed, createdOn, owner.member, owner.sealed];
    return this.#write(STATEMENTS.createChannel, mark, values);
  }

  addMember({ channel, member, sealed }: NewMember, mark: CallMark): Promise<Written> {
    return this.#write(STATEMENTS.addMember, mark, [member, channel, sealed]);
  }

  async read({ devices = [], sessions = [], members = [], totp, entries }: ReadRequest): Promise<ReadAnswer> {
    const lists = [devices, sessions, members, totp ?? [], entries ?? []].map((tags) => tags.join(','));
    const byAccount: Record<'totp' | 'entry', Record<string, StoredRecord>> = { totp: {}, entry: {} };
    const found: { [K in 'devices' | 'sessions' | 'members']: Record<string, ReadAnswer[K][string]> } = {
      devices: {},
      sessions: {},
      members: {},
    };
    for (const row of await this.#pool.run<Found>(STATEMENTS.read, lists)) {
      const { tag, sealed, version } = row;
      if (row.kind === 'device') found.devices[tag] = { sealed, version, account: row.account };
      else if (row.kind === 'member') found.members[tag] = { sealed, version, channel: row.channel };
      else if (row.kind === 'session') {
        const { device, account, expires_on: expiresOn } = row;
        found.sessions[tag] = { sealed, version, device, account, expiresOn };
      } else byAccount[row.kind][tag] = { sealed, version };
    }
    return {
      ...found,
      ...(totp === undefined ? {} : { totp: byAccount.totp }),
      ...(entries === undefined ? {} : { entries: byAccount.entry }),
    };
  }

  async ping(): Promise<number> {
    const startedMs = performance.now();
    await this.#pool.run(STATEMENTS.ping);
    return performance.now() - startedMs;
  }

  /** Deletes what is past its time; resolves with how many of each. Safe on every node at once. */
  async purge(): Promise<Purged> {
    const total = { calls: 0, sessions: 0, invitations: 0 };
    for (;;) {
      const [row = { calls: 0, sessions: 0, invitations: 0 }] = await this.#pool.run<Purged>(
        STATEMENTS.purge,
      );
      total.calls += row.calls;
      total.sessions += row.sessions;
      total.invitations += row.invitations;
      if (Math.max(row.calls, row.sessions, row.invitations) < PURGE_ROWS) return total;
    }
  }

  async #write(statement: string, mark: CallMark, values: readonly string[]): Promise<Written> {
    return written(await this.#marked<Outcome>(statement, mark, values));
  }

  async #attempt(
    values: readonly string[],
    mark: CallMark,
    { seen, proof }: Attempt,
  ): Promise<SessionWritten> {
    const row = await this.#marked<AttemptOutcome>(STATEMENTS.attempt, mark, [
      ...values,
      String(seen),
      proof.kind,
      ...marksOf(proof),
      marksExpiry(mark),
    ]);
    if (row.existed || row.created || !row.parented) return written(row);
    return row.agreed ? { result: 'refused', failures: row.failures } : stale(row);
  }

  /** Runs a write; its row, once its mark was redeemed. */
  async #marked<R extends Outcome>(statement: string, mark: CallMark, values: readonly string[]): Promise<R> {
    const parameters = [mark.jti, wholeMinute(mark.expiresAtMs), ...values];
    const [row] = await this.#pool.run<R>(statement, parameters);
    if (row?.marked !== true) throw new Failure('conflict', { detail: 'This call was made before' });
    return row;
  }
}

/** One row of a write. */
interface Outcome {
  readonly marked: boolean;
  readonly created: boolean;
  readonly parented: boolean;
}

interface AccountOutcome extends Outcome {
  readonly refused: boolean;
  /** The device is one of the account's already. */
  readonly held: boolean;
}

/** How many rows of each table a purge has deleted. */
interface Purged {
  readonly calls: number;
  readonly sessions: number;
  readonly invitations: number;
}

/** One row of a write that depends on the account's TOTP record. */
interface FactorOutcome extends Outcome {
  readonly agreed: boolean;
  readonly totp: string | null;
  readonly version: number | null;
}
interface AttemptOutcome extends FactorOutcome {
  readonly existed: boolean;
  readonly failures: number;
}

function written({ created, parented }: Outcome): Written {
  if (created) return { result: 'created' };
  return { result: parented ? 'exists' : 'missing' };
}

function stale({ totp, version }: FactorOutcome): StaleTotp {
  return {
    result: 'stale',
    totp: totp === null || version === null ? null : { sealed: totp, version },
  };
}

function marksOf(proof: Attempt['proof']): readonly [string, string] {
  if (proof.kind === 'step') return [proof.mark, proof.earlier];
  return [proof.kind === 'recovery' ? proof.code : '', ''];
}

function marksExpiry({ expiresAtMs }: CallMark): string {
  return wholeMinute(expiresAtMs + STEP_MARK_MS);
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
  | { readonly kind: 'totp' | 'entry' }
);

/** Rounded up: what is stored must not tell when the call was made. */
export function wholeMinute(ms: number): string {
  return new Date(Math.ceil(ms / MINUTE_MS) * MINUTE_MS).toISOString();
}
