import { Failure } from '../../shared/failure.ts';

/** PostgreSQL manual, appendix A: classes of states that pass by themselves or that another server would not have. */
const PASSING_CLASSES = [
  '08', // connection exception
  '28', // this server does not let us in
  '40', // rolled back: serialization failure, deadlock
  '53', // insufficient resources, too many connections
  '55', // object not in prerequisite state, lock not available
  '57', // operator intervention: shutdown, crash, statement timeout
  '58', // system error outside PostgreSQL
];
const READ_ONLY_TRANSACTION = '25006';
const UNIQUE_VIOLATION = '23505';

/**
 * A driver's error as a Failure, the driver's own words only as private cause: `unavailable` when the connection, the
 * time or the admission failed, `conflict` when a key is taken, `internal` for everything that asks for a repair.
 */
export function toDatabaseFailure(thrown: unknown): Failure {
  if (thrown instanceof Failure) return thrown;
  const code = codeOf(thrown);
  if (code === UNIQUE_VIOLATION) return new Failure('conflict', { cause: thrown });
  return new Failure(isPassing(code) ? 'unavailable' : 'internal', { cause: thrown });
}

/** True when the server only reads: what was the primary has become a standby, and its connections stay useless. */
export function isReadOnly(thrown: unknown): boolean {
  return codeOf(thrown) === READ_ONLY_TRANSACTION;
}

/** SQLSTATEs have five characters; the system's and the driver's own codes (ECONNRESET, CONNECT_TIMEOUT) are longer. */
function isPassing(code: string): boolean {
  if (code === READ_ONLY_TRANSACTION) return true;
  if (/^[0-9A-Z]{5}$/.test(code) && code !== 'EPIPE') return PASSING_CLASSES.includes(code.slice(0, 2));
  return /^(E[A-Z]+|CONNECT(ION)?_[A-Z]+)$/.test(code);
}

function codeOf(thrown: unknown): string {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  return typeof code === 'string' ? code : '';
}
